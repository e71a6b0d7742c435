"""Report how late each symbol is, and how much of its history is done."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from croniter import croniter

from candle_ingest.candles.dates import history_start
from candle_ingest.candles.symbol import Symbol, parse_symbol
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, HOUR_MS, Window, floor_ms
from candle_ingest.errors import SymbolError
from candle_ingest.ledger.watermarks import Watermarks, backfill_key, catch_up_key
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import answer, flux_range, keep, select

# Catch-up may miss one run before a symbol counts as late.
LATE_RUNS = 3
ON_TIME, LATE, NO_CANDLES = "on time", "late", "no candles"
# Symbols that no run fetches, so their watermarks do not move: removed from the list in Redis, or on too few exchanges.
NOT_IN_REDIS, UNLISTED = "not in Redis", "too few exchanges"
_READ_DAYS = "".join(
    select("merge_days", 'r._field == "merged_version"', condition)
    + "  |> count()\n"
    + keep("currency_pair", "_value")
    + answer(what)
    for what, condition in (("all", ""), ("lately", "r._value >= since_us"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolFreshness:
    """One symbol; a watermark is the open time in ms of the last candle before the first hole.

    `lag_ms` counts from the end of the newest candle that a watermark covers. `days_done` is how many of the history's
    whole days have been accounted for, in any order.
    """

    ticker: str
    currency_pair: str
    state: str
    lag_ms: int | None
    catch_up_ms: int | None
    backfill_ms: int | None
    days_done: int

    @property
    def is_fetched(self) -> bool:
        """Tell whether runs fetch the symbol."""
        return self.state not in (NOT_IN_REDIS, UNLISTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """All symbols of a pipeline; a symbol whose lag exceeds `late_after_ms` is late.

    `days_wanted` is how many whole days the history of one symbol has, 0 if it is skipped. `days_in_last_hour` counts
    the days, over all symbols, that were recorded in the last hour; `done_at_ms` is an estimate at that pace, None
    without one.
    """

    symbols: list[SymbolFreshness]
    late_after_ms: int
    history_start_ms: int | None
    days_wanted: int
    days_in_last_hour: int
    done_at_ms: int | None

    @property
    def wanted(self) -> list[SymbolFreshness]:
        """Return the symbols in Redis."""
        return [symbol for symbol in self.symbols if symbol.state != NOT_IN_REDIS]


def read_freshness(
    bucket: InfluxBucket,
    settings: PipelineSettings,
    listed: Sequence[Symbol],
    now_ms: int,
    unlisted: Collection[str] = (),
) -> Freshness:
    """Return the freshness of the symbols that Redis lists, and of others with a watermark.

    If `listed` is empty, it is not known which are wanted, and all count. Too few exchanges list the pairs `unlisted`.
    """
    watermarks = Watermarks(bucket).read()
    history = history_window(settings, now_ms)
    days, lately = _read_days(bucket, history, now_ms)
    late_after_ms = max_lag_ms(settings, now_ms)
    known = [
        _symbol(symbol, watermarks, days.get(symbol.currency_pair, 0), settings.timeframe, late_after_ms, now_ms)
        for symbol in known_symbols(listed, watermarks)
    ]
    symbols = mark_unfetched(known, listed, unlisted)
    wanted = history.slots(DAY_MS)
    left = sum(max(0, wanted - symbol.days_done) for symbol in symbols if symbol.is_fetched)
    return Freshness(
        symbols=symbols,
        late_after_ms=late_after_ms,
        history_start_ms=history.start_ms if wanted else None,
        days_wanted=wanted,
        days_in_last_hour=lately,
        done_at_ms=estimated_end_ms(left, lately, now_ms),
    )


def max_lag_ms(settings: PipelineSettings, now_ms: int) -> int:
    """Return the lag in ms above which a symbol is late. Long candles come less often than catch-up runs."""
    pause_ms = max(schedule_ms(settings.catch_up_schedule, now_ms), settings.timeframe.ms)
    return LATE_RUNS * pause_ms + settings.settle_seconds * 1000


def estimated_end_ms(days_left: int, days_in_last_hour: int, now_ms: int) -> int | None:
    """Return when `days_left` will be done at the last hour's pace; None if none are left or none were done."""
    if not days_left or not days_in_last_hour:
        return None
    return now_ms + math.ceil(days_left / days_in_last_hour * HOUR_MS)


def known_symbols(listed: Sequence[Symbol], keys: Iterable[str]) -> list[Symbol]:
    """Return the listed symbols, then those that were listed once and still have a watermark."""
    known = {symbol.ticker: symbol for symbol in listed}
    suffixes = backfill_key(""), catch_up_key("")
    tickers = {key.removesuffix(suffix) for key in keys for suffix in suffixes if key.endswith(suffix)}
    for ticker in sorted(tickers - set(known)):
        try:
            known[ticker] = parse_symbol(ticker)
        except SymbolError:
            # Written by another program.
            continue
    return list(known.values())


def mark_unfetched(
    symbols: Sequence[SymbolFreshness], listed: Sequence[Symbol], unlisted: Collection[str]
) -> list[SymbolFreshness]:
    """Return the symbols, those that no run fetches with that state: not in `listed`, or too few exchanges list them.

    If `listed` is empty, it is not known which are in Redis.
    """
    tickers = {symbol.ticker for symbol in listed}
    gone = {symbol.ticker for symbol in symbols if tickers and symbol.ticker not in tickers}
    short = {symbol.ticker for symbol in symbols if symbol.currency_pair in unlisted} - gone
    states = {**dict.fromkeys(gone, NOT_IN_REDIS), **dict.fromkeys(short, UNLISTED)}
    return [replace(symbol, state=states.get(symbol.ticker, symbol.state)) for symbol in symbols]


def history_window(settings: PipelineSettings, now_ms: int) -> Window:
    """Return the whole UTC days of the history; empty if it is skipped."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    start = history_start(settings.backfill_start_date, settings.backfill_interval, now)
    today_ms = floor_ms(now_ms, DAY_MS)
    if start is None:
        return Window(today_ms, today_ms)
    start_ms = int(start.timestamp() * 1000)
    return Window(min(floor_ms(start_ms, DAY_MS), today_ms), today_ms)


def schedule_ms(cron: str, now_ms: int) -> int:
    """Return the time between two runs of a schedule."""
    runs = croniter(cron, datetime.fromtimestamp(now_ms / 1000, UTC))
    first, second = runs.get_next(float), runs.get_next(float)
    return int((second - first) * 1000)


def _symbol(
    symbol: Symbol,
    watermarks: Mapping[str, int],
    days_done: int,
    timeframe: Timeframe,
    late_after_ms: int,
    now_ms: int,
) -> SymbolFreshness:
    catch_up_ms, backfill_ms = (watermarks.get(key(symbol.ticker)) for key in (catch_up_key, backfill_key))
    newest_ms = max((ms for ms in (catch_up_ms, backfill_ms) if ms is not None), default=None)
    lag_ms = None if newest_ms is None else max(0, now_ms - newest_ms - timeframe.ms)
    return SymbolFreshness(
        ticker=symbol.ticker,
        currency_pair=symbol.currency_pair,
        state=NO_CANDLES if lag_ms is None else LATE if lag_ms > late_after_ms else ON_TIME,
        lag_ms=lag_ms,
        catch_up_ms=catch_up_ms,
        backfill_ms=backfill_ms,
        days_done=days_done,
    )


def _read_days(bucket: InfluxBucket, history: Window, now_ms: int) -> tuple[dict[str, int], int]:
    """Return how many days of each pair are merged, and how many of all pairs were merged in the last hour."""
    if not history:
        return {}, 0
    rows = bucket.query(_READ_DAYS, since_us=(now_ms - HOUR_MS) * 1000, **flux_range(history))
    counts: dict[str, dict[str, int]] = {"all": {}, "lately": {}}
    for row in rows:
        of_pair = counts[row["what"]]
        of_pair[row["currency_pair"]] = max(of_pair.get(row["currency_pair"], 0), int(row["_value"]))
    return counts["all"], sum(counts["lately"].values())
