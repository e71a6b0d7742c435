"""Writes docs/reference.md from the code: `make reference`."""

import inspect
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from candle_ingest.ledger import coverage_ledger, daily_coverage, fetch_attempts, merge_ledger, watermarks
from candle_ingest.metric_catalogue import ALL
from candle_ingest.orchestration.params import dag_params
from candle_ingest.settings import ENVIRONMENT_PREFIX, PipelineSettings
from candle_ingest.store import candle_store, granularity_guard

REFERENCE = Path(__file__).with_name("reference.md")
MEASUREMENTS = (
    candle_store,
    watermarks,
    coverage_ledger,
    daily_coverage,
    merge_ledger,
    fetch_attempts,
    granularity_guard,
)
HEAD = """# Reference
Made from the code by `make reference`; a test checks that it is current. What the settings mean for your
work stands in the [README](../README.md#settings), and so do the
[error messages](../README.md#messages-cause-and-cure).
"""


def reference() -> str:
    """The whole page."""
    # The default of the bucket would otherwise be the one of this machine.
    os.environ.pop("INFLUXDB_BUCKET", None)
    parts = (HEAD, *_settings(), *_params(), *_metrics(), *_measurements())
    return "\n".join(parts).rstrip() + "\n"


def _settings() -> Iterator[str]:
    yield "## Settings"
    yield f"Keys of a pipeline in the settings file; for the pipeline `candle` also `{ENVIRONMENT_PREFIX}<SETTING>`.\n"
    schema = PipelineSettings.model_json_schema()["properties"]
    defaults = PipelineSettings(name="candle").model_dump(mode="json")
    names = [name for name in PipelineSettings.model_fields if name != "name"]
    rows = [
        (f"`{name}`", f"`{json.dumps(defaults[name])}`", _allowed(schema[name]), _description(name)) for name in names
    ]
    yield from _table(("setting", "default", "allowed", "meaning"), rows)


def _description(name: str) -> str:
    return PipelineSettings.model_fields[name].description or ""


def _allowed(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "minimum" in schema and "maximum" in schema:
        return f"{schema['minimum']} to {schema['maximum']}"
    return f"{schema['type']}, {schema['minimum']} or more" if "minimum" in schema else str(schema["type"])


def _params() -> Iterator[str]:
    for kind in ("backfill", "catch_up", "repair"):
        yield f"## Params of `candle_{kind}`\n"
        params = dag_params(PipelineSettings(name="candle"), kind)
        rows = [(f"`{name}`", _code(param.value), param.description.strip()) for name, param in params.items()]
        yield from _table(("param", "default", "meaning"), rows)


def _metrics() -> Iterator[str]:
    yield "## Metrics\n"
    rows = [(f"`{m.name}`", m.kind, m.unit, ", ".join(m.tags) or "-", m.meaning, m.alert) for m in ALL]
    yield from _table(("metric", "kind", "unit", "tags", "value", "ring when"), rows)


def _measurements() -> Iterator[str]:
    yield "## Measurements\n"
    for module in MEASUREMENTS:
        for paragraph in inspect.getdoc(module).split("\n\n")[1:]:
            name, colon, rest = " ".join(paragraph.split()).partition("`: ")
            if colon and name.startswith("`"):
                yield f"**{name}`**: {rest}\n"


def _code(value: object) -> str:
    return f"`{json.dumps(value)}`"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = list(head)
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |"
    yield ""


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
