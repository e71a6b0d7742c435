"""Write the generated pages of docs/reference from the code: `make reference`."""

import importlib
import inspect
import json
import os
import pkgutil
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import ccxt
import typer

import candle_ingest
from candle_ingest import ledger, store
from candle_ingest.__main__ import app, main
from candle_ingest.errors.base import (
    CandleIngestError,
    ConfigurationError,
    Notice,
    PermanentError,
    SymbolError,
    TemporaryError,
    named_errors,
)
from candle_ingest.exchanges.profiles import EXCHANGE_ALIASES, PROFILES, SAME_API, ExchangeProfile, WireColumns
from candle_ingest.metrics.catalogue import ALL
from candle_ingest.orchestration.params import dag_params
from candle_ingest.settings import PipelineSettings
from candle_ingest.validated_settings import ENVIRONMENT_PREFIX
from dev.local_stack.errors import LocalStackError

REPOSITORY = Path(__file__).parents[1]
FOLDER = Path(__file__).with_name("reference")
NOTE = "*Generated from the code by `make reference`; a test keeps it current.*\n"
# `name`: description, in the docstring of the module that writes the measurement.
MEASUREMENT = re.compile(r"`(\w+)`: (.+)")
# Who acts on the errors of a base class, the narrower classes first.
ACTORS = (
    (TemporaryError, "Temporary", "Airflow retries the task. Act if the error keeps coming back."),
    (ConfigurationError, "Configuration", "The task fails at once: correct a setting, a connection or a param."),
    (SymbolError, "Symbols", "The task fails at once: correct the list of symbols."),
    (PermanentError, "Permanent", "The task fails at once, as a retry would not help: act on the cause."),
    (LocalStackError, "Local stack", "`make run` ends with exit status 1: act on the message and start it again."),
)


def settings_page() -> Iterator[str]:
    """Yield the lines of the page of settings."""
    # Without this the default of the bucket would be the one of this machine.
    os.environ.pop("INFLUXDB_BUCKET", None)
    yield f"""# Settings
{NOTE}
Settings are keys of a pipeline in `include/candle_ingest.yaml`, or in the file that `CANDLE_INGEST_CONFIG` names:

```yaml
pipelines:
  candle:                      # the default pipeline: DAGs candle_backfill, candle_catch_up, candle_repair
    exchanges: [binance, coinbaseexchange, kraken]
    pool: candle_ingest
  hourly:                      # a second one: DAGs hourly_backfill, hourly_catch_up, hourly_repair
    candle_granularity_minutes: 60
    catch_up_schedule: "0 * * * *"
    influxdb_bucket: candles_hourly
```

For the pipeline `candle`, the environment variable `{ENVIRONMENT_PREFIX}<SETTING>` overrides the file:
`CANDLE_INGEST_EXCHANGES=binance,kraken`. Mappings are written as JSON there.
An unknown key or a wrong value is an import error of the DAG, which Airflow shows: it names the key, the value and
what is allowed. Values that begin with `@` or `*` need quotes in YAML.
"""
    schema = PipelineSettings.model_json_schema()["properties"]
    defaults = PipelineSettings(name="candle").model_dump(mode="json")
    names = [name for name in PipelineSettings.model_fields if name != "name"]
    descriptions = {name: PipelineSettings.model_fields[name].description or "" for name in names}
    rows = [(f"`{name}`", _code(defaults[name]), _allowed(schema[name]), descriptions[name]) for name in names]
    yield from _table(("setting", "default", "allowed", "meaning"), rows)


def _allowed(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "minimum" in schema and "maximum" in schema:
        return f"{schema['minimum']} to {schema['maximum']}"
    return f"{schema['type']}, {schema['minimum']} or more" if "minimum" in schema else str(schema["type"])


def params_page() -> Iterator[str]:
    """Yield the lines of the page of params."""
    yield f"""# Params of one run
{NOTE}
Params change one run. Set them in the form that *Trigger* opens, or as JSON:

    airflow dags trigger candle_backfill --conf '{{"start": "2025-01-01T00:00Z", "end": "2025-01-02T00:00Z"}}'

A param that is left out has the value of the pipeline's settings. A param that the DAG does not know is refused.
"""
    for kind in ("backfill", "catch_up", "repair"):
        yield f"## `candle_{kind}`\n"
        params = dag_params(PipelineSettings(name="candle"), kind)
        rows = [(f"`{name}`", _code(param.value), param.description.strip()) for name, param in params.items()]
        yield from _table(("param", "default", "meaning"), rows)


def metrics_page() -> Iterator[str]:
    """Yield the lines of the page of metrics."""
    yield f"""# Metrics
{NOTE}
Metrics go where Airflow's own metrics go; [Alerts](../how-to/alerts.md#metrics) says how to switch them on. The names
stand below Airflow's prefix. `dag` is `backfill`, `catch_up` or `repair`.
"""
    rows = [(f"`{m.name}`", f"{m.kind}, {m.unit}", _codes(m.tags), m.meaning, m.alert) for m in ALL]
    yield from _table(("metric", "kind", "tags", "value", "alert when"), rows)


def measurements_page() -> Iterator[str]:
    """Yield the lines of the page of measurements."""
    yield f"""# Measurements
{NOTE}
Everything is stored in one InfluxDB bucket. Times are UTC; the time of a candle is its open time; volumes are in base
units. [Queries and Grafana](../how-to/queries-and-grafana.md) has queries for all of it.
"""
    for name, text in sorted(_measurements()):
        yield f"## `{name}`\n{text[0].upper()}{text[1:]}\n"


def _measurements() -> Iterator[tuple[str, str]]:
    for module in (*_modules(ledger), *_modules(store)):
        for paragraph in (inspect.getdoc(module) or "").split("\n\n"):
            described = MEASUREMENT.fullmatch(" ".join(paragraph.split()))
            if described:
                yield described[1], described[2]


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for module in pkgutil.iter_modules(package.__path__):
        yield importlib.import_module(f"{package.__name__}.{module.name}")


def commands_page() -> Iterator[str]:
    """Yield the lines of the page of commands."""
    yield f"""# Commands
{NOTE}
`candle-ingest <command>`: `bin/candle-ingest` in a checkout, on the PATH in the images of both Dockerfiles. It needs
Airflow's environment: its connections and its settings file. For what `make run` has started, this sets both, and the
PATH, in your shell (live data: `.local_stack/live/terminal.sh`):

    . .local_stack/simulated/terminal.sh

Each command can run from cron. The exit status is {_exit_statuses()}

Where the data is simulated, each says so on the standard error; answers and files stay as they are.

Completion for your shell: `candle-ingest --install-completion`.
"""
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for name, command in commands.items():
        arguments = [str(param.name).upper() for param in command.params if not _is_option(param)]
        yield f"## `{' '.join((name, *arguments))}`\n{inspect.cleandoc(command.help or '')}\n"
        yield from _table(("option", "default", "meaning"), map(_option, command.params))


def _exit_statuses() -> str:
    """Return what the exit statuses mean, from the docstring of `main`."""
    return " ".join((inspect.getdoc(main) or "").split()).removeprefix("Exit with ")


def _is_option(param: Any) -> bool:
    return str(param.opts[0]).startswith("-")


def _option(param: Any) -> tuple[str, str, str]:
    if not _is_option(param):
        return f"`{str(param.name).upper()}`", "required" if param.required else "", param.help or ""
    default = "required" if param.required else _code(param.default) if param.default else ""
    return _codes(param.opts), default, param.help or ""


def make_page() -> Iterator[str]:
    """Yield the lines of the page of make targets."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ("make", "--no-print-directory", "help")
    shown = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    yield f"""# make
{NOTE}
Needed: Linux (macOS was not tried), make, and Python 3.11, 3.12 or 3.13. Everything else goes into `.venv`, in the
versions that `requirements-dev.lock` names.

    $ make help"""
    yield from (f"    {line}".rstrip() for line in shown.stdout.rstrip().splitlines())


def exchanges_page() -> Iterator[str]:
    """Yield the lines of the page of exchanges."""
    yield f"""# Exchanges
{NOTE}
How each exchange is asked. [What to know about each exchange](../explanation/exchanges.md) says what that means for
you, and that no test has ever reached a real exchange.
"""
    rows = [_exchange(name, profile) for name, profile in PROFILES.items()]
    columns = ("candles per request", "requests a second", "candles reach back", "older candles", "also sends")
    yield from _table(("ccxt id", "also accepted", *columns), rows)
    yield """A merged candle has a `vwap` only if every exchange used sends the quote volume, and a `trade_count` only
if every one sends the trade count: otherwise they would be those of some exchanges.
"""
    yield """Regional sites with the API of another exchange:
"""
    yield from _table(("ccxt id", "asked as"), [(f"`{name}`", f"`{parent}`") for name, parent in SAME_API.items()])


def _exchange(name: str, profile: ExchangeProfile) -> tuple[str, ...]:
    aliases = [alias for alias, target in EXCHANGE_ALIASES.items() if target == name]
    unit_ms = profile.rate_limit_ms or getattr(ccxt, name)().rateLimit
    last = f"the last {profile.history_rows:,}" if profile.history_rows else "no known end"
    older = f"from trades, {profile.trades_per_request:,} a request" if profile.trades_per_request else "-"
    older = older if profile.history_rows else ""
    pace = f"{1000 / (unit_ms * profile.call_cost):.2g}"
    if profile.market_seconds:
        pace += f"; {1 / profile.market_seconds:.2g} for each market"
    return f"`{name}`", _codes(aliases), f"{profile.rows_per_request:,}", pace, last, older, _also_sends(profile)


def _also_sends(profile: ExchangeProfile) -> str:
    """Return what its rows hold beside OHLCV; without them `vwap` and `trade_count` are empty."""
    columns = profile.wire_columns or WireColumns()
    sent = {
        "quote volume": columns.quote_volume if columns.vwap is None else columns.vwap,
        "trade count": columns.trade_count,
        "taker volume": columns.taker_buy_volume,
    }
    return ", ".join(name for name, place in sent.items() if place is not None) or "-"


def errors_page() -> Iterator[str]:
    """Yield the lines of the page of errors: every class with a name by who acts on it, then the warnings."""
    yield f"""# Errors
{NOTE}
Every error message ends with a name in square brackets, and so does each warning in a task's log that you can act on.
Look the name up here.
"""
    for module in pkgutil.walk_packages(candle_ingest.__path__, "candle_ingest."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    known = ("candle_ingest.", "dev.local_stack.")
    left = {kind.name: kind for kind in named_errors() if kind.__module__.startswith(known)}
    for base, title, what in ACTORS:
        yield f"## {title}\n{what}\n"
        for name in sorted(name for name, kind in left.items() if issubclass(kind, base)):
            yield _error(left.pop(name))
    yield "## Warnings\nThe run goes on.\n"
    yield from (_error(notice) for notice in sorted(Notice.every, key=lambda notice: notice.name))


def _error(error: type[CandleIngestError] | Notice) -> str:
    example = f"    {error.example} [{error.name}]"
    return f"### {error.name}\n\n{example}\n\n**Cause.** {error.cause}\n\n**Cure.** {error.cure}\n"


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _code(value: object) -> str:
    return f"`{json.dumps(value)}`"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = list(head)
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |"
    yield ""


PAGES = MappingProxyType[str, Callable[[], Iterator[str]]](
    {
        "settings.md": settings_page,
        "params.md": params_page,
        "commands.md": commands_page,
        "measurements.md": measurements_page,
        "metrics.md": metrics_page,
        "exchanges.md": exchanges_page,
        "make.md": make_page,
        "errors.md": errors_page,
    }
)


def page_text(name: str) -> str:
    """Return the text of one generated page."""
    return "\n".join(PAGES[name]()).rstrip() + "\n"


if __name__ == "__main__":
    for name in PAGES:
        (FOLDER / name).write_text(page_text(name), encoding="utf-8")
