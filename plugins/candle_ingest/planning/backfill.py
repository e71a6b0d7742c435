"""Plan a whole history before a backfill starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from candle_ingest.candles.dates import parse_start_date, whole_intervals
from candle_ingest.candles.symbol import Symbol
from candle_ingest.candles.window import Window
from candle_ingest.connections import RedisClient
from candle_ingest.errors.settings import HistoryEmptyError
from candle_ingest.planning.call_plan import ExchangePlan, plan_calls
from candle_ingest.planning.listings import Listings, find_listings, is_fetched, needed_listings
from candle_ingest.planning.rate_plan import plan_rates
from candle_ingest.planning.unlisted import check_listed
from candle_ingest.settings import PipelineSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPlan:
    """The cost of a pipeline's history; `too_few` are the symbols that too few exchanges list."""

    intervals: list[Window]
    exchanges: list[ExchangePlan]
    too_few: list[str]
    unreachable: dict[str, str]

    @property
    def seconds(self) -> float:
        """Return how long the slowest exchange takes; all are fetched from at the same time."""
        seconds: dict[str, float] = {}
        for plan in self.exchanges:
            seconds[plan.exchange] = seconds.get(plan.exchange, 0.0) + plan.seconds
        return max(seconds.values(), default=0.0)


def plan_backfill(
    settings: PipelineSettings, symbols: Sequence[Symbol], client: RedisClient | None, now: datetime
) -> BackfillPlan:
    """Return the calls and hours that a backfill would take, without writing anything.

    Requests the exchanges' lists of markets unless they are in the cache of `client`. Without `client`, the symbols
    come from the command line: raises SymbolUnlistedError if no exchange lists one of them.
    """
    start = parse_start_date(settings.backfill_start_date, now)
    if start is None:
        raise HistoryEmptyError("backfill_start_date is skip: there is no history to plan")
    intervals = whole_intervals(start, settings.backfill_interval, now)
    listings = find_listings(settings, symbols, client, read_only=True)
    if client is None:
        check_listed(listings, symbols, settings.quote_equivalents)
    pairs = list(dict.fromkeys(symbol.currency_pair for symbol in symbols))
    minimum, unreachable_count = needed_listings(settings), len(listings.unreachable)
    valid = [pair for pair in pairs if is_fetched(listings.exchanges_of(pair), unreachable_count, minimum)]
    windows = {
        exchange: {pair: intervals for pair in valid if pair in markets}
        for exchange, markets in listings.markets.items()
    }
    now_ms = int(now.timestamp() * 1000)
    minutes = settings.candle_granularity_minutes
    plans = plan_calls(listings, windows, minutes, now_ms, count_trades=True)
    plans += _plan_rates(settings, listings, windows, intervals, now_ms, client)
    too_few = [pair for pair in pairs if pair not in valid]
    return BackfillPlan(intervals=intervals, exchanges=plans, too_few=too_few, unreachable=listings.unreachable)


def _plan_rates(
    settings: PipelineSettings,
    listings: Listings,
    windows: Mapping[str, Mapping[str, Sequence[Window]]],
    intervals: Sequence[Window],
    now_ms: int,
    client: RedisClient | None,
) -> list[ExchangePlan]:
    """Return what the rates for the chosen markets cost each exchange."""
    names = {
        exchange: {pair: listings.markets[exchange][pair]["symbol"] for pair in own}
        for exchange, own in windows.items()
    }
    rates = plan_rates(settings, names, None, client, read_only=True)
    wanted = {
        exchange: {pair: intervals for pair in choice.markets if pair not in windows.get(exchange, {})}
        for exchange, choice in rates.choices.items()
    }
    asked = {exchange: own for exchange, own in wanted.items() if own}
    minutes = settings.candle_granularity_minutes
    return plan_calls(rates.listings, asked, minutes, now_ms, count_trades=True, are_rates=True)
