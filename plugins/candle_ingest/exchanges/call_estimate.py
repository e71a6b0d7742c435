"""Estimate the calls for the candles of some windows, and find what is no longer served."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, Window, floor_ms, split_days, union
from candle_ingest.exchanges.history import split_by_age
from candle_ingest.exchanges.profiles import ExchangeProfile

# The last trade of a response is repeated in the next one.
REPEATED_TRADES = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEstimate:
    """Calls for candles and for trades of one market, and windows that the exchange no longer serves.

    `trade_calls` is None where old candles come from trades whose number is not known.
    """

    candle_calls: int = 0
    trade_calls: int | None = 0
    unavailable: list[Window] = field(default_factory=list)


def candle_calls(profile: ExchangeProfile, window: Window, source: Timeframe) -> int:
    """Return the fewest calls for the candles of a window: candles by rows per request, rounded up."""
    return -(-source.slots(window) // profile.rows_per_request)


def estimate_calls(
    profile: ExchangeProfile,
    windows: Iterable[Window],
    timeframe: Timeframe,
    source: Timeframe,
    now_ms: int,
    trades_per_day: Mapping[int, int] | None = None,
) -> CallEstimate:
    """Return the calls for `windows`, each fetched by itself; `source` candles are joined into `timeframe` ones.

    `trades_per_day` counts the market's trades by midnight in ms.
    """
    parts = [split_by_age(profile, window, timeframe, source, now_ms) for window in windows]
    old = [window for window, _ in parts if window]
    calls = sum(candle_calls(profile, recent, source) for _, recent in parts)
    if old and profile.trades_per_request is None:
        return CallEstimate(candle_calls=calls, unavailable=union(old))
    trade_calls = None if old and trades_per_day is None else _trade_calls(profile, old, trades_per_day or {})
    return CallEstimate(candle_calls=calls, trade_calls=trade_calls)


def _trade_calls(profile: ExchangeProfile, windows: Iterable[Window], trades_per_day: Mapping[int, int]) -> int:
    """Return at least one call for each window; days without a count are taken as average."""
    new_per_call = (profile.trades_per_request or 0) - REPEATED_TRADES
    average = sum(trades_per_day.values()) / max(1, len(trades_per_day))
    calls = 0
    for window in windows:
        trades = sum(
            trades_per_day.get(floor_ms(day.start_ms, DAY_MS), average) * (day.end_ms - day.start_ms) / DAY_MS
            for day in split_days(window)
        )
        calls += max(1, -(-int(trades) // new_per_call))
    return calls
