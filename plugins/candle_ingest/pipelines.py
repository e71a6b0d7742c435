"""Load the pipelines from the YAML file and the environment."""

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from candle_ingest.errors.settings import SettingError, SettingsFileError, SharedBucketError
from candle_ingest.settings import PipelineSettings
from candle_ingest.validated_settings import ENVIRONMENT_PREFIX, validated_settings

DEFAULT_PIPELINE = "candle"
CONFIG_VARIABLE = "CANDLE_INGEST_CONFIG"
DEFAULT_CONFIG = Path(__file__).parents[2] / "include" / "candle_ingest.yaml"
# The settings that determine a candle, its length first.
OF_A_CANDLE = (
    "candle_granularity_minutes", "exchanges", "min_exchanges_required", "quote_equivalents", "quote_conversion",
    "guard_percent", "high_low", "unobtainable",
)  # fmt: skip
_MERGE_TAG = "tag:yaml.org,2002:merge"


def load_pipelines(
    path: Path | None = None, environment: Mapping[str, str] = os.environ
) -> dict[str, PipelineSettings]:
    """Return the pipelines by name, from the YAML file and, for the one named `candle`, the environment.

    Raises ConfigurationError that names the file, the key, the value and what is allowed.
    """
    path = path or Path(environment.get(CONFIG_VARIABLE) or DEFAULT_CONFIG)
    raw = _read_pipelines(path)
    if DEFAULT_PIPELINE in raw:
        raw[DEFAULT_PIPELINE] = {**raw[DEFAULT_PIPELINE], **_from_environment(environment)}
    pipelines = {name: _build(path, name, values) for name, values in raw.items()}
    _no_shared_bucket(path, pipelines.values())
    return pipelines


class _UniqueKeyLoader(yaml.SafeLoader):
    """Rejects duplicate keys, such as two pipelines of one name; YAML silently takes the later one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != _MERGE_TAG]
        twice = [key for key, count in Counter(map(str, keys)).items() if count > 1]
        if twice:
            raise yaml.YAMLError(f"duplicate key {', '.join(twice)}, in line {node.start_mark.line + 1} or below")
        return super().construct_mapping(node, deep=deep)


def _read_pipelines(path: Path) -> dict[str, dict[str, Any]]:
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise SettingsFileError(
            f"{path}: cannot be read ({error.strerror}); {CONFIG_VARIABLE} names the file"
        ) from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise SettingsFileError(f"{path}: not valid YAML: {error}") from error
    if (
        not isinstance(raw, dict)
        or set(raw) != {"pipelines"}
        or not isinstance(raw["pipelines"], dict)
        or not raw["pipelines"]
    ):
        raise SettingsFileError(f"{path}: expected one key `pipelines` with at least one named pipeline below it")
    if wrong := [name for name, values in raw["pipelines"].items() if not isinstance(values, dict | None)]:
        raise SettingsFileError(f"{path}: pipeline {wrong[0]}: expected settings as `key: value` lines")
    return {str(name): values or {} for name, values in raw["pipelines"].items()}


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return settings from `CANDLE_INGEST_<NAME>`; unknown names are included, so that validation reports them."""
    return {
        key.removeprefix(ENVIRONMENT_PREFIX).lower(): value
        for key, value in environment.items()
        if key.startswith(ENVIRONMENT_PREFIX) and key != CONFIG_VARIABLE
    }


def _build(path: Path, name: str, values: dict[str, Any]) -> PipelineSettings:
    if "name" in values:
        raise SettingError(f"{path}: pipeline {name}: `name` is the key above the settings, not a setting")
    return validated_settings({**values, "name": name}, f"{path}: pipeline {name}")


def _no_shared_bucket(path: Path, pipelines: Iterable[PipelineSettings]) -> None:
    """Raise SharedBucketError if pipelines with one bucket differ in the length of candles.

    If they also have the same list of symbols, they must agree on all settings that determine a candle.
    """
    for one, other in itertools.combinations(pipelines, 2):
        if one.influxdb_bucket != other.influxdb_bucket:
            continue
        same_symbols = one.redis_key_crypto_symbols == other.redis_key_crypto_symbols
        for name in OF_A_CANDLE if same_symbols else OF_A_CANDLE[:1]:
            if getattr(one, name) != getattr(other, name):
                raise SharedBucketError(
                    f"{path}: pipelines {one.name} and {other.name} share the bucket {one.influxdb_bucket}, and differ "
                    f"in {name}: they would overwrite each other's candles; give one of them its own influxdb_bucket"
                )
