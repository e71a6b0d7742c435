"""The settings of one pipeline: each field with its default, allowed values and description."""

import json
import os
from collections import Counter
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from croniter import croniter
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from candle_ingest.candles.dates import parse_start_date
from candle_ingest.candles.merge_method import HighLow, MergeMethod, QuoteConversion
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.errors import ConfigurationError
from candle_ingest.errors.base import without_names
from candle_ingest.exchanges.profiles import canonical_exchange, shared_book, verified_exchanges
from candle_ingest.near_names import did_you_mean
from candle_ingest.plurals import are


def _split_commas(value: object) -> object:
    """Split a list such as `binance,kraken` from an environment variable."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _parse_json(value: object) -> object:
    """Parse a mapping in JSON from an environment variable."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError('not JSON such as {"USD": ["USD", "USDT"]}') from None


def _date_as_text(value: object) -> object:
    """Return a date as text, because YAML reads 2026-01-01 as a date."""
    return str(value) if isinstance(value, date) else value


TextList = Annotated[tuple[str, ...], BeforeValidator(_split_commas)]


class PipelineSettings(BaseModel):
    """The settings of one pipeline. The YAML file may contain these fields and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,49}$", description="Name of the pipeline, first part of its DAG ids")
    exchanges: TextList = Field(
        default=("binance", "coinbaseexchange", "kraken"),
        min_length=1,
        description="Exchanges by their ccxt ids; the first one is called primary",
    )
    allow_unverified_exchanges: TextList = Field(
        default=(),
        validate_default=True,
        description="Exchanges of ccxt that this package has no facts about, but that may be used anyway",
    )
    min_exchanges_required: int = Field(
        default=0,
        ge=0,
        description="Exchanges that must answer for a minute of a symbol; 0 means all that list it. "
        "A quiet exchange has answered. An exchange that does not list the symbol at that time counts as well, once "
        "another one has answered: history from before a listing is merged without it",
    )
    candle_granularity_minutes: int = Field(
        default=1,
        description="Length of a candle in minutes: 1, 3, 5, 15, 30, 60, 120, 240, 360, 480, 720 or 1440. "
        "If an exchange does not serve that length, its candles are built from the longest ones that divide it",
    )
    backfill_start_date: Annotated[str, BeforeValidator(_date_as_text)] = Field(
        default="1_year_ago",
        description="Start of the history: YYYY-MM-DD, N_days_ago, N_weeks_ago, N_months_ago, N_years_ago or skip. "
        "Days are rounded down to midnight UTC, weeks to Monday, months and years to the first of the month. With "
        "skip, the backfill DAG runs only its newest interval and what is created by hand",
    )
    backfill_interval: str = Field(
        default="@daily",
        description="Length of one backfill run: @hourly, @daily, @weekly, @monthly or a cron line",
    )
    catch_up_schedule: str = Field(default="*/5 * * * *", description="When catch-up runs, a cron line")
    catch_up_initial_days: int = Field(
        default=7, ge=1, le=3650, description="Days that the first catch-up goes back without a watermark"
    )
    settle_seconds: int = Field(
        default=10,
        ge=0,
        le=240,
        description="Seconds between the close of a candle and its first request",
    )
    repair_schedule: str = Field(default="23 * * * *", description="When repair runs, a cron line")
    repair_calls: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="About how many calls one repair run may make, not counting closing looks",
    )
    closing_delay_minutes: int = Field(
        default=60,
        ge=1,
        le=720,
        description="Minutes after midnight UTC at which the whole day that has ended is requested again",
    )
    give_up_days: int = Field(
        default=14, ge=1, le=365, description="Days after which minutes that could not be fetched count as unobtainable"
    )
    unobtainable: Literal["hold", "merge"] = Field(
        default="hold",
        description="What happens to minutes that an exchange cannot deliver: hold delays their merge, merge merges "
        "the other exchanges if at least two have answered",
    )
    quote_equivalents: Annotated[dict[str, tuple[str, ...]], BeforeValidator(_parse_json)] = Field(
        default={"USD": ("USD", "USDT", "USDC")},
        description="For each quote, the quotes whose markets may be used for it on an exchange; the first one that "
        "the exchange lists is used. For a quote that is not named here, only its own markets are used",
    )
    quote_conversion: QuoteConversion = Field(
        default="observed",
        description="How markets in another quote, such as BTC/USDT for BTC/USD, are converted: observed uses observed "
        "rates, and leaves out candles without one; par counts a stablecoin as a dollar",
    )
    guard_percent: float = Field(
        default=5.0,
        ge=0,
        le=50,
        allow_inf_nan=False,
        description="Distance in percent from the median of three or more exchanges from which an open or close is "
        "excluded and a high or low clamped; 0 switches the guard off",
    )
    high_low: HighLow = Field(
        default="weighted", description="Merged high and low: volume-weighted, or the highest and the lowest"
    )
    run_mode: Literal["wet", "dry"] = Field(
        default="wet", description="dry reads, merges and reports, but writes nothing"
    )
    dry_run_limit: int = Field(default=2, ge=1, le=100, description="Most symbols that a dry run fetches")
    api_call_delay_seconds: float = Field(
        default=0.0, ge=0, le=60, description="Extra pause before each request to an exchange"
    )
    redis_key_crypto_symbols: str = Field(
        default="top_cryptocurrencies", min_length=1, description="Redis key that holds the symbols"
    )
    influxdb_bucket: str = Field(
        default_factory=lambda: os.environ.get("INFLUXDB_BUCKET") or "candles",
        min_length=1,
        description="InfluxDB bucket; the default is the variable INFLUXDB_BUCKET if it is set. Two pipelines may "
        "share one if their candles have the same length; a symbol that both list is left to the one that comes first",
    )
    symbols_per_fetch: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="Symbols of one exchange that share a mapped fetch task; more if there would be too many tasks",
    )
    task_retries: int = Field(default=3, ge=0, le=20, description="How often Airflow retries a failed task")
    retry_delay_seconds: int = Field(
        default=60,
        ge=1,
        le=3600,
        description="Seconds before the first retry; doubled for each further one, up to 30 minutes",
    )
    pool: str = Field(
        default="default_pool", min_length=1, description="Airflow pool of the fetch tasks; it must exist"
    )
    failure_notifier: str = Field(
        default="",
        description="Dotted path of an Airflow notifier, or of a function of the context, to call for failed runs",
    )
    verbosity: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Lowest level of log lines that this package writes"
    )

    @field_validator("quote_equivalents")
    @classmethod
    def _upper_case_quotes(cls, quotes: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        names = [name for key, equivalents in quotes.items() for name in (key, *equivalents)]
        if any(name != name.upper() for name in names) or not all(quotes.values()):
            raise ValueError("expected quotes in upper case, each with at least one equivalent: USD: [USD, USDT]")
        return quotes

    @field_validator("exchanges")
    @classmethod
    def _exchanges_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        twice = [name for name, count in Counter(map(canonical_exchange, names)).items() if count > 1]
        if twice:
            raise ValueError(f"{', '.join(twice)} is named more than once (old names count as new ones)")
        if shared := shared_book(map(canonical_exchange, names)):
            raise ValueError(f"{' and '.join(shared)} have one order book, which would count twice: name one of them")
        return names

    @field_validator("allow_unverified_exchanges")
    @classmethod
    def _exchanges_verified(cls, names: tuple[str, ...], info: Any) -> tuple[str, ...]:
        allowed = {*verified_exchanges(), *map(canonical_exchange, names)}
        if unknown := [name for name in info.data.get("exchanges", ()) if canonical_exchange(name) not in allowed]:
            raise ValueError(
                f"exchanges has {', '.join(unknown)}, which is not among {', '.join(sorted(verified_exchanges()))}"
                f"{did_you_mean(unknown[0], verified_exchanges()) or '.'} To use it unverified, name it here too, and "
                "compare its candles before you rely on them"
            )
        return names

    @field_validator("candle_granularity_minutes")
    @classmethod
    def _known_granularity(cls, minutes: int) -> int:
        _as_value_error(Timeframe, minutes)
        return minutes

    @field_validator("backfill_start_date")
    @classmethod
    def _understood_date(cls, text: str) -> str:
        _as_value_error(parse_start_date, text, datetime.now(UTC))
        return text

    @field_validator("backfill_interval", "catch_up_schedule", "repair_schedule")
    @classmethod
    def _cron_line(cls, text: str) -> str:
        try:
            croniter(text, datetime.now(UTC)).get_prev()
        except ValueError:
            # Also for a line that never matches, such as the 31st of February.
            raise ValueError("not @hourly, @daily, @weekly, @monthly or a cron line such as */5 * * * *") from None
        return text

    @field_validator("min_exchanges_required")
    @classmethod
    def _enough_configured(cls, minimum: int, info: Any) -> int:
        exchanges = info.data.get("exchanges")
        if exchanges is not None and minimum > len(exchanges):
            raise ValueError(f"only {are(len(exchanges), 'exchange')} configured ({', '.join(exchanges)})")
        return minimum

    @property
    def timeframe(self) -> Timeframe:
        """The length of a candle."""
        return Timeframe(self.candle_granularity_minutes)

    @property
    def exchange_ids(self) -> tuple[str, ...]:
        """The exchanges by their current ccxt ids, in the order of the setting."""
        return tuple(map(canonical_exchange, self.exchanges))

    @property
    def merge_method(self) -> MergeMethod:
        """How the candles of several exchanges are merged into one."""
        return MergeMethod(
            quote_conversion=self.quote_conversion, guard_percent=self.guard_percent, high_low=self.high_low
        )

    @property
    def backfill_dag_id(self) -> str:
        """The id of the DAG that fetches the history."""
        return f"{self.name}_backfill"

    @property
    def catch_up_dag_id(self) -> str:
        """The id of the DAG that fetches new candles."""
        return f"{self.name}_catch_up"

    @property
    def repair_dag_id(self) -> str:
        """The id of the DAG that retries what is open."""
        return f"{self.name}_repair"


def _as_value_error(check: Any, *args: Any) -> None:
    try:
        check(*args)
    except ConfigurationError as error:
        raise ValueError(without_names(str(error))) from None
