"""What a run costs the exchanges: calls and time within their limits, and what they no longer serve."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window
from candle_ingest.exchanges.answers import Market
from candle_ingest.exchanges.call_estimate import CallEstimate, estimate_calls
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.planning.listings import Listings

logger = logging.getLogger(__name__)
# What is wanted, by exchange and currency pair.
Windows = Mapping[str, Mapping[str, Sequence[Window]]]


@dataclass(slots=True, kw_only=True)
class ExchangePlan:
    """What all symbols together cost one exchange; `uncounted` are pairs whose trades nobody counted.

    `is_rates` tells that the pairs are rates, which convert symbols, and no symbols.
    """

    exchange: str
    is_rates: bool = False
    symbols: int = 0
    candle_calls: int = 0
    trade_calls: int = 0
    seconds: float = 0.0
    candles: int = 0
    calls_by_symbol: list[int] = field(default_factory=list)
    uncounted: list[str] = field(default_factory=list)
    unavailable: dict[str, list[Window]] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        """All calls."""
        return self.candle_calls + self.trade_calls

    def add(self, pair: str, estimate: CallEstimate, candles: int) -> None:
        """Count a symbol in; `candles` is what its windows have room for."""
        self.symbols += 1
        self.calls_by_symbol.append(estimate.candle_calls + (estimate.trade_calls or 0))
        self.candle_calls += estimate.candle_calls
        self.trade_calls += estimate.trade_calls or 0
        self.candles += candles
        if estimate.trade_calls is None:
            self.uncounted.append(pair)
        if estimate.unavailable:
            self.unavailable[pair] = estimate.unavailable


def plan_calls(
    listings: Listings,
    windows: Windows,
    granularity_minutes: int,
    now_ms: int,
    *,
    count_trades: bool,
    are_rates: bool = False,
) -> list[ExchangePlan]:
    """Return the plan of each exchange for its windows, as if nothing were stored yet.

    With `count_trades` an exchange that builds old candles from trades is asked how many there are, one call a market.
    """
    plans = []
    for name, of_exchange in windows.items():
        exchange, plan = listings.opened[name], ExchangePlan(exchange=name, is_rates=are_rates)
        for pair, wanted in of_exchange.items():
            market = listings.markets[name][pair]
            _add(plan, exchange, market, pair, wanted, granularity_minutes, now_ms, count_trades)
        plan.seconds = exchange.pace().seconds(plan.calls_by_symbol)
        plans.append(plan)
    return plans


def _add(
    plan: ExchangePlan,
    exchange: ExchangeClient,
    market: Market,
    pair: str,
    windows: Sequence[Window],
    granularity_minutes: int,
    now_ms: int,
    count_trades: bool,
) -> None:
    timeframe = Timeframe(granularity_minutes)
    source = exchange.source_of(timeframe)
    estimate = estimate_calls(exchange.profile, windows, timeframe, source, now_ms)
    if estimate.trade_calls is None and count_trades:
        counts = exchange.fetch_trade_counts(market)
        estimate = estimate_calls(exchange.profile, windows, timeframe, source, now_ms, counts)
    plan.add(pair, estimate, sum(timeframe.slots(window) for window in windows))


def log_plans(plans: Sequence[ExchangePlan]) -> None:
    """Log a line for each exchange that is asked, and one for what it does not serve."""
    for plan in plans:
        if plan.uncounted:
            logger.info(
                "Plan: %s, %d symbols: %s calls, and one for every 1000 trades of %s",
                plan.exchange, plan.symbols, f"{plan.calls:,}", in_short(plan.uncounted),
            )  # fmt: skip
        elif plan.symbols:
            logger.info(
                "Plan: %s, %d symbols: at most %s calls, %s within its limit",
                plan.exchange, plan.symbols, f"{plan.calls:,}", duration_in_words(plan.seconds),
            )  # fmt: skip
        for pair, windows in plan.unavailable.items():
            logger.warning("Plan: %s no longer serves %s of %s", plan.exchange, pair, ", ".join(map(str, windows)))


def in_short(names: Sequence[str], most: int = 5) -> str:
    """Return the names, or the first few and how many more."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def duration_in_words(seconds: float) -> str:
    """`12 s`, `5 min`, `3.2 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
