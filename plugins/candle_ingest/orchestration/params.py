"""The params of the trigger form: what one run may do differently from its pipeline.

The form requires params that may not be null, so every param may be null, which means the setting of the pipeline.
Times are plain text: the form's own date field uses the time zone of Airflow's UI, and posts a different time than the
one that was typed. The form cannot offer the symbols in Redis, because every parsing of the DAG file would wait for
Redis; the page offers them, under "Run".
"""

from typing import Any

from airflow.sdk import Param

from candle_ingest.exchanges.profiles import PROFILES
from candle_ingest.planning.run import param_names
from candle_ingest.settings import PipelineSettings

# A date, or a date and a time of day; UTC with or without the Z.
MOMENT_PATTERN = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?(Z|\+00:00)?$"
START_OR_NOT = {
    "backfill": (
        "Give start and end, for example 2026-11-16 and 2026-11-17T12:00: one range, fetched in one run. Without them, "
        "the run fetches the last whole interval before its logical date, and fails if it has none. For weeks or years "
        "choose Backfill instead: one run per interval, each of which can be rerun."
    ),
    "catch_up": "Empty: the first minute of each symbol that no run has requested. Example: 2026-11-16T08:00.",
}
END_OR_NOT = {
    "backfill": "Needed if start is given.",
    "catch_up": "Empty: now. Example: 2026-11-16T20:00.",
}


def dag_params(settings: PipelineSettings, kind: str) -> dict[str, Any]:
    """Return typed, described params in the order of the form; the defaults are the pipeline's settings."""
    allowed = param_names(kind)
    return {name: param for name, param in _all_params(settings, kind).items() if name in allowed}


def task_params(settings: PipelineSettings, kind: str) -> dict[str, Any]:
    """Return the defaults of `dag_params`, for the DAG that a task builds for itself.

    The params of a run were already checked against the types when it was created. Without types, Airflow does not
    check them three more times in each task, which takes a fifth of the CPU time of a fetch.
    """
    return {name: param.value for name, param in dag_params(settings, kind).items()}


def _all_params(settings: PipelineSettings, kind: str) -> dict[str, Any]:
    return {**_what(settings, kind), **_from_whom(settings), **_how(settings), **_again()}


def _what(settings: PipelineSettings, kind: str) -> dict[str, Any]:
    return {
        "start": _moment("Start (UTC)", f"UTC, whatever time zone Airflow shows. {START_OR_NOT.get(kind, '')}"),
        "end": _moment("End (UTC)", f"UTC; candles that open before it. {END_OR_NOT.get(kind, '')}"),
        "symbols": Param(
            None,
            type=["null", "array"],
            items={"type": "string"},
            title="Symbols",
            description=(
                f"One per line, such as btcusd. Empty: all in Redis, key {settings.redis_key_crypto_symbols}. "
                "To choose from those in Redis, start the run from the page: Candles, Run."
            ),
        ),
    }


def _from_whom(settings: PipelineSettings) -> dict[str, Any]:
    return {
        "exchanges": Param(
            list(settings.exchanges),
            type=["null", "array"],
            items={"type": "string"},
            examples=sorted({*PROFILES, *settings.exchanges, *settings.allow_unverified_exchanges}),
            title="Exchanges",
            description=(
                "The first one is called primary. Empty: those of the pipeline. Days that a run merges from other "
                "exchanges are never final: repair merges them again with the exchanges of the settings."
            ),
        ),
        "min_exchanges_required": Param(
            settings.min_exchanges_required,
            type=["null", "integer"],
            minimum=0,
            title="Exchanges required",
            description=(
                "A candle is written only if this many exchanges have answered. 0: all that list the pair. An exchange "
                "that does not list it at that time counts as well, once another one has answered."
            ),
        ),
    }


def _how(settings: PipelineSettings) -> dict[str, Any]:
    return {
        "run_mode": Param(
            settings.run_mode,
            type=["null", "string"],
            enum=["wet", "dry"],
            values_display={"wet": "wet: fetch, merge and write", "dry": "dry: fetch, merge and report"},
            title="Run mode",
            description="A dry run writes nothing, neither to InfluxDB nor to Redis.",
        ),
        "dry_run_limit": Param(
            settings.dry_run_limit,
            type=["null", "integer"],
            minimum=1,
            maximum=100,
            title="Symbols of a dry run",
            description="A dry run fetches only this many symbols.",
        ),
    }


def _again() -> dict[str, Any]:
    return {
        "retry_unobtainable": Param(
            False,
            type=["null", "boolean"],
            title="Retry what is unobtainable",
            description="Request again what was given up, for the symbols above or for all.",
        ),
        "refetch": Param(
            False,
            type=["null", "boolean"],
            title="Fetch again",
            description="Request what is already stored again from the exchanges.",
        ),
    }


def _moment(title: str, description: str) -> Param:
    return Param(None, type=["null", "string"], pattern=MOMENT_PATTERN, title=title, description=description)
