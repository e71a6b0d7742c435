"""The user's options for the local stack: make variables, passed as environment variables."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from candle_ingest.candles.dates import ALLOWED, parse_start_date
from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.errors.base import SymbolError
from candle_ingest.errors.settings import SettingError
from candle_ingest.near_names import did_you_mean
from dev.exchange_simulator.markets import EXCHANGES, list_markets
from dev.local_stack.airflow_processes import REPOSITORY
from dev.local_stack.errors import StackOptionError
from dev.local_stack.influxdb_server import InfluxdbServer
from dev.local_stack.redis_server import RedisServer

Market = Literal["simulated", "live"]
Executor = Literal["local", "celery"]
PORT_VARIABLES = {
    "airflow": "AIRFLOW_PORT",
    "influxdb": "LOCAL_INFLUXDB_PORT",
    "postgres": "LOCAL_POSTGRES_PORT",
    "redis": "LOCAL_REDIS_PORT",
    "simulator": "SIMULATOR_PORT",
}
# Variables that decide which data a start works on, with the names of their options.
_COMMAND_VARIABLES = {
    "MARKET": "market",
    "EXECUTOR": "executor",
    "BACKFILL": "backfill",
    "SYMBOLS": "symbols",
    "EXCHANGES": "exchanges",
    "LOCAL_STACK_FOLDER": "folder",
}


@dataclass(frozen=True, kw_only=True)
class StackOptions:
    """The options of one run. Servers that the user provides are not started."""

    market: Market = "simulated"
    executor: Executor = "local"
    backfill: str = "7_days_ago"
    symbols: tuple[str, ...] = ("btcusd", "ethusd", "solusd")
    symbols_given: bool = False
    exchanges: tuple[str, ...] = ("binance", "coinbaseexchange", "kraken")
    once: bool = False
    open_page: bool = False
    # The folder of data, logs and secrets; each market has its own folder in it.
    folder: Path = REPOSITORY / ".local_stack"
    requested_ports: Mapping[str, int] = field(default_factory=dict)
    redis: RedisServer | None = None
    influxdb: InfluxdbServer | None = None
    # The SQLAlchemy URL of a PostgreSQL that the user provides.
    database_url: str | None = field(default=None, repr=False)

    @property
    def is_simulated(self) -> bool:
        """Return whether the exchanges are simulated."""
        return self.market == "simulated"

    @property
    def bucket(self) -> str:
        """Return the bucket: simulated data has its own, so that it never mixes with real data."""
        return "candles_simulated" if self.is_simulated else "candles"

    @property
    def command(self) -> str:
        """Return the command that starts the same stack again, without the servers that the user provides."""
        given = {
            variable: getattr(self, name)
            for variable, name in _COMMAND_VARIABLES.items()
            if getattr(self, name) != getattr(type(self), name)
        }
        texts = {name: ",".join(value) if isinstance(value, tuple) else str(value) for name, value in given.items()}
        return " ".join(["make run", *(f"{name}={shlex.quote(text)}" for name, text in texts.items())])

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> StackOptions:
        """Return the options. Raises LocalStackError that names the variable, its value and what is allowed."""
        return cls(
            market=_market(environment.get("MARKET", cls.market)),
            executor=_executor(environment.get("EXECUTOR", cls.executor)),
            backfill=_backfill(environment.get("BACKFILL", cls.backfill)),
            symbols=_symbols(environment) if "SYMBOLS" in environment else cls.symbols,
            symbols_given="SYMBOLS" in environment,
            exchanges=_names(environment, "EXCHANGES") if "EXCHANGES" in environment else cls.exchanges,
            once=_switch("ONCE", environment.get("ONCE", "")),
            open_page=_switch("OPEN", environment.get("OPEN", "")),
            folder=Path(environment.get("LOCAL_STACK_FOLDER") or cls.folder).resolve(),
            requested_ports={
                service: _port(variable, environment[variable])
                for service, variable in PORT_VARIABLES.items()
                if environment.get(variable)
            },
            redis=_redis(environment),
            influxdb=_influxdb(environment),
            database_url=_database_url(environment),
        )


def _market(text: str) -> Market:
    if text == "simulated":
        return "simulated"
    if text == "live":
        return "live"
    raise StackOptionError(f"MARKET is {text!r}; allowed is simulated or live.")


def _executor(text: str) -> Executor:
    if text == "local":
        return "local"
    if text == "celery":
        return "celery"
    raise StackOptionError(f"EXECUTOR is {text!r}; allowed is local or celery.")


def _backfill(text: str) -> str:
    now = datetime.now(UTC)
    try:
        start = parse_start_date(text, now)
    except SettingError:
        raise StackOptionError(f"BACKFILL is {text!r}; allowed is {ALLOWED}.") from None
    if start is not None and start > now:
        raise StackOptionError(f"BACKFILL is {text!r}, which is in the future; BACKFILL=skip leaves history out.")
    return text


def _symbols(environment: Mapping[str, str]) -> tuple[str, ...]:
    symbols = _names(environment, "SYMBOLS")
    for symbol in symbols:
        try:
            parse_symbol(symbol)
        except SymbolError as error:
            hint = did_you_mean(symbol.lower(), _joined_names())
            raise StackOptionError(f"SYMBOLS: {error.args[0]}{hint}") from None
    return symbols


def _joined_names() -> set[str]:
    """Return the names of well-known pairs, such as `btcusd`."""
    return {f"{market.base}{market.quote}".lower() for name in EXCHANGES for market in list_markets(name)}


def _names(environment: Mapping[str, str], variable: str) -> tuple[str, ...]:
    names = tuple(name for name in environment[variable].replace(" ", ",").split(",") if name)
    if not names:
        default = ",".join(getattr(StackOptions, variable.lower()))
        raise StackOptionError(f"{variable} is empty; write a list such as {default} (the default).")
    return names


def _switch(variable: str, text: str) -> bool:
    if text in ("", "0", "1"):
        return text == "1"
    raise StackOptionError(f"{variable} is {text!r}; allowed is 1 or 0.")


def _port(variable: str, text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise StackOptionError(f"{variable} is {text!r}; allowed is a port number, 1 to 65535.")


def _redis(environment: Mapping[str, str]) -> RedisServer | None:
    host = environment.get("REDIS_HOST")
    if not host:
        return None
    port = _port("REDIS_PORT", environment.get("REDIS_PORT") or "6379")
    return RedisServer(host=host, port=port, password=environment.get("REDIS_PASSWORD") or None)


def _influxdb(environment: Mapping[str, str]) -> InfluxdbServer | None:
    url = environment.get("INFLUXDB_URL")
    if not url:
        return None
    token, organization = environment.get("INFLUXDB_TOKEN"), environment.get("INFLUXDB_ORG")
    if not token or not organization:
        raise StackOptionError("INFLUXDB_URL is set: set INFLUXDB_TOKEN and INFLUXDB_ORG too, or unset it.")
    return InfluxdbServer(url=url.rstrip("/"), token=token, org=organization)


def _database_url(environment: Mapping[str, str]) -> str | None:
    url = environment.get("AIRFLOW_DATABASE_URL")
    if not url:
        return None
    scheme, _, rest = url.partition("://")
    # The message leaves out the value, as it contains a password.
    if scheme != "postgresql" or not rest:
        raise StackOptionError("AIRFLOW_DATABASE_URL: expected postgresql://user:password@host:port/database.")
    return f"postgresql+psycopg2://{rest}"
