"""Compare a stored day of an exchange with a fresh response."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window
from candle_ingest.exchanges.answers import Market
from candle_ingest.exchanges.candle_pages import candle_pages
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.store.candle_store import CandleStore

# Rows by open time in ms.
Rows: TypeAlias = dict[int, tuple[float, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayComparison:
    """The number of candles of a day that are equal, differ, or are on one side only.

    `unanswered`: why the exchange did not answer for some minutes, else empty.
    """

    currency_pair: str
    exchange: str
    market: str
    equal: int = 0
    different: int = 0
    only_stored: int = 0
    only_fresh: int = 0
    first_difference_ms: int | None = None
    unanswered: str = ""

    @property
    def is_equal(self) -> bool:
        """Tell whether the exchange still serves what is stored."""
        return not (self.different or self.only_stored or self.only_fresh or self.unanswered)


def compare_day(
    client: ExchangeClient,
    store: CandleStore,
    currency_pair: str,
    market: Market,
    day: Window,
    timeframe: Timeframe,
    now_ms: int,
) -> DayComparison:
    """Compare what is stored of a day with what the exchange serves for it now.

    Minutes for which it gives no answer are left out, and reported.
    """
    stored = store.read_exchange_candles(currency_pair, [client.exchange], day)[client.exchange]
    pages = list(candle_pages(client, market, [day], timeframe, now_ms))
    answered = [page for page in pages if not page.failed_reason]
    before = _by_time(stored, [page.window for page in answered])
    after = {time: row for page in answered for time, row in _by_time(page.checked.candles, [day]).items()}
    return DayComparison(
        currency_pair=currency_pair,
        exchange=client.exchange,
        market=market["symbol"],
        unanswered="; ".join(dict.fromkeys(page.failed_reason for page in pages if page.failed_reason)),
        **_counts(before, after),
    )


def compare_unlisted_day(
    exchange: str, store: CandleStore, currency_pair: str, symbol: str, day: Window
) -> Iterator[DayComparison]:
    """Yield an unanswered comparison if candles of the day are stored, as the exchange no longer lists the market."""
    if len(store.read_exchange_candles(currency_pair, [exchange], day)[exchange]):
        reason = f"{symbol} is no longer in its list of markets"
        yield DayComparison(currency_pair=currency_pair, exchange=exchange, market=symbol, unanswered=reason)


def _counts(before: Rows, after: Rows) -> dict[str, Any]:
    """Count the rows that are equal, differ, or are on one side only; and find the first difference."""
    both = before.keys() & after.keys()
    unequal = {time for time in both if before[time] != after[time]}
    differences = unequal | (before.keys() ^ after.keys())
    return {
        "equal": len(both) - len(unequal),
        "different": len(unequal),
        "only_stored": len(before.keys() - after.keys()),
        "only_fresh": len(after.keys() - before.keys()),
        "first_difference_ms": int(min(differences)) if differences else None,
    }


def _by_time(candles: Candles, windows: Sequence[Window]) -> Rows:
    """Return the rows that open in one of the windows, by open time."""
    return {row[0]: row for row in candles.rows() if any(w.start_ms <= row[0] < w.end_ms for w in windows)}
