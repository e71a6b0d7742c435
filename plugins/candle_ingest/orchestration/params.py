"""The params of the trigger form: what one run may do otherwise than its pipeline."""

from typing import Any

from airflow.sdk import Param

from candle_ingest.exchanges.profiles import PROFILES
from candle_ingest.planning.run import param_names
from candle_ingest.settings import PipelineSettings

HOW_TO_START = {
    "backfill": "Needed when the run is started by hand.",
    "catch_up": "Without it, the run starts at the watermark of each symbol.",
}
HOW_TO_END = {
    "backfill": "Needed when the run is started by hand.",
    "catch_up": "Without it, the run goes up to now.",
}


def dag_params(settings: PipelineSettings, kind: str) -> dict[str, Any]:
    """Typed, described params; the defaults are the pipeline's settings."""
    params = _all_params(settings, kind)
    return {name: params[name] for name in param_names(kind)}


def _all_params(settings: PipelineSettings, kind: str) -> dict[str, Any]:
    known = sorted({*PROFILES, *settings.exchanges})
    return {
        "symbols": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Symbols",
            description=f"One a line, such as btcusd. Empty: those in Redis, {settings.redis_key_crypto_symbols}.",
        ),
        "exchanges": Param(
            list(settings.exchanges),
            type="array",
            items={"type": "string"},
            minItems=1,
            examples=known,
            title="Exchanges",
            description="The first one is called primary.",
        ),
        "min_exchanges_required": Param(
            settings.min_exchanges_required,
            type="integer",
            minimum=0,
            title="Exchanges required",
            description="A symbol is written only where so many exchanges answered. 0 means all of them.",
        ),
        "run_mode": Param(
            settings.run_mode,
            type="string",
            enum=["wet", "dry"],
            values_display={"wet": "wet: fetch, merge and write", "dry": "dry: fetch, merge and report"},
            title="Run mode",
            description="A dry run writes nothing, neither to InfluxDB nor to Redis.",
        ),
        "dry_run_limit": Param(
            settings.dry_run_limit,
            type="integer",
            minimum=1,
            maximum=100,
            title="Symbols of a dry run",
            description="A dry run takes only so many symbols.",
        ),
        "start": _moment("Start", f"The first candle opens here, UTC. {HOW_TO_START.get(kind, '')}"),
        "end": _moment("End", f"The last candle closes here, UTC. {HOW_TO_END.get(kind, '')}"),
        "refetch": Param(
            False,
            type="boolean",
            title="Fetch again",
            description="Ask the exchanges again for what is already stored.",
        ),
    }


def _moment(title: str, description: str) -> Param:
    return Param(None, type=["null", "string"], format="date-time", title=title, description=description)
