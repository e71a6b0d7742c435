"""Estimate the cost of a run on each exchange: calls, time within its limits, and what it no longer serves."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window
from candle_ingest.durations import duration_in_words
from candle_ingest.exchanges.answers import Market
from candle_ingest.exchanges.call_estimate import CallEstimate, estimate_calls
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.planning.listings import Listings
from candle_ingest.plurals import counted

logger = logging.getLogger(__name__)
# The windows to request, by exchange and currency pair.
Windows = Mapping[str, Mapping[str, Sequence[Window]]]


@dataclass(slots=True, kw_only=True)
class ExchangePlan:
    """The cost of all symbols on one exchange; `uncounted` are pairs whose trades were not counted.

    `is_rates` says whether the pairs are rates for conversion instead of symbols.
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
        """Return the number of calls for all symbols."""
        return self.candle_calls + self.trade_calls

    def add(self, pair: str, estimate: CallEstimate, candles: int) -> None:
        """Add a symbol; `candles` is the number that its windows can hold."""
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
    """Return each exchange's plan for its windows, as if nothing were stored yet.

    With `count_trades`, the number of trades is requested from exchanges whose old candles are built from them, with
    one call per market.
    """
    plans = []
    for name, of_exchange in windows.items():
        exchange, plan = listings.clients[name], ExchangePlan(exchange=name, is_rates=are_rates)
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
        counts = exchange.fetch_trade_counts(market, min(window.start_ms for window in windows))
        estimate = estimate_calls(exchange.profile, windows, timeframe, source, now_ms, counts)
    plan.add(pair, estimate, sum(timeframe.slots(window) for window in windows))


def log_plans(plans: Sequence[ExchangePlan]) -> None:
    """Log one line for each exchange, and one for each pair of which it no longer serves something."""
    for plan in plans:
        if plan.uncounted:
            logger.info(
                "Plan: %s, %s: %s, and one for every 1000 trades of %s",
                plan.exchange, counted(plan.symbols, "symbol"), counted(plan.calls, "call"), shortened(plan.uncounted),
            )  # fmt: skip
        elif plan.symbols:
            logger.info(
                "Plan: %s, %s: at most %s, %s within its limit",
                plan.exchange, counted(plan.symbols, "symbol"), counted(plan.calls, "call"),
                duration_in_words(plan.seconds),
            )  # fmt: skip
        for pair, windows in plan.unavailable.items():
            logger.warning("Plan: %s no longer serves %s of %s", plan.exchange, pair, ", ".join(map(str, windows)))


def shortened(names: Sequence[str], most: int = 5) -> str:
    """Return the names, or the first `most` of them and the number of the others."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
