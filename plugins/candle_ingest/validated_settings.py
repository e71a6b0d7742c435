"""Turn plain values, from a file, the environment or the params of a run, into settings."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from candle_ingest.errors.settings import SettingError
from candle_ingest.near_names import did_you_mean
from candle_ingest.settings import PipelineSettings

ENVIRONMENT_PREFIX = "CANDLE_INGEST_"


def with_params(settings: PipelineSettings, params: Mapping[str, Any]) -> PipelineSettings:
    """Return the settings of one run: those of the pipeline, except where a param is not null.

    Raises ConfigurationError.
    """
    changed = {key: params[key] for key in PipelineSettings.model_fields if params.get(key) is not None}
    return validated_settings({**settings.model_dump(), **changed}, "the params of this run")


def validated_settings(values: Mapping[str, Any], where: str) -> PipelineSettings:
    """Return settings from plain values. Raises ConfigurationError, each line of which begins with `where`."""
    try:
        return PipelineSettings.model_validate(values)
    except ValidationError as error:
        raise SettingError("\n".join(_describe(where, problem) for problem in error.errors())) from None


def _describe(where: str, problem: Any) -> str:
    key = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        allowed = [name for name in PipelineSettings.model_fields if name != "name"]
        hint = did_you_mean(key, allowed) or f"; allowed are {', '.join(allowed)}"
        return f"{where}: unknown setting {key} (or {ENVIRONMENT_PREFIX}{key.upper()}){hint}"
    return f"{where}: {key} is {problem['input']!r}: {problem['msg'].removeprefix('Value error, ')}"
