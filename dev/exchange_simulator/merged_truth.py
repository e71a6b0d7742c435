"""Merge the synthetic market's candles as they should be merged: minute by minute, sharing no code with the package.

Follows the rules of a merged price: dollars at observed rates, an outlier guard without memory, an average weighted by
volume. Written to be compared with the rules, not to be fast.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import exp, log
from statistics import median

from dev.exchange_simulator.candle_columns import MINUTE_MS
from dev.exchange_simulator.market_events import MarketEvent
from dev.exchange_simulator.markets import find_market
from dev.exchange_simulator.synthetic_market import true_candles, true_extras, wrong_minutes

RATE_MINUTES = 5
# Rate markets further apart than the first give no rate; a currency further from a dollar than the second has none.
MAX_SPREAD, FURTHEST_FROM_DOLLAR = 0.01, 0.10
DISPUTED = 0.02
MIN_RATIO, MAX_RATIO, MIN_COMMON_MINUTES = 0.8, 1.25, 30
STABLECOINS = ("USDT", "USDC")
RATE_MARKETS = (
    ("kraken", "USDT/USD"), ("coinbaseexchange", "USDT/USD"), ("bitstamp", "USDT/USD"),
    ("kraken", "USDC/USD"), ("bitstamp", "USDC/USD"),
)  # fmt: skip
CROSS_MARKETS = (("kraken", "USDC/USDT"), ("bitstamp", "USDC/USDT"), ("binance", "USDC/USDT"))


@dataclass(frozen=True, slots=True)
class Leg:
    """One exchange's candle of a minute, in the pair's quote."""

    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float | None = None
    trade_count: int | None = None

    def converted_at(self, rate: float) -> "Leg":
        """Return the candle converted at a rate: prices and quote volume change, base volume does not."""
        quote = None if self.quote_volume is None else self.quote_volume * rate
        prices = {name: getattr(self, name) * rate for name in ("open", "high", "low", "close")}
        return replace(self, **prices, quote_volume=quote)


@dataclass(frozen=True, slots=True)
class MergedMinute:
    """A merged candle, and what happened to the candle of each exchange."""

    candle: Leg
    exchanges: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    clamped: tuple[str, ...] = ()
    without_rate: tuple[str, ...] = ()
    disputed: bool = False
    rates: Mapping[str, float] = field(default_factory=dict)
    dispersion_bps: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRules:
    """The settings of a merge. `guard_percent` 0: no guard; `par`: a stablecoin is a dollar.

    `history_start_ms`: candles of rate markets before it are not known.
    """

    history_start_ms: int = 0
    guard_percent: float = 5.0
    par: bool = False
    extremes: bool = False
    identity: bool = True
    rate_markets: tuple[tuple[str, str], ...] = RATE_MARKETS
    cross_markets: tuple[tuple[str, str], ...] = CROSS_MARKETS


def _closes(exchange: str, symbol: str, first_ms: int, end_ms: int, events: Iterable[MarketEvent]) -> dict[int, float]:
    """Return traded closes by open time; none before the market is listed."""
    rows = true_candles(exchange, symbol, first_ms, end_ms, events=events)
    wrong = wrong_minutes(exchange, symbol, first_ms, end_ms, events)
    return {row[0]: row[4] for row in rows if row[5] > 0 and row[0] not in wrong}


def _rate_of(markets: Iterable[Mapping[int, float]], time_ms: int) -> float | None:
    """Return the median of the markets' median closes of five minutes; None without any, or if they disagree."""
    window = range(time_ms - (RATE_MINUTES - 1) * MINUTE_MS, time_ms + 1, MINUTE_MS)
    closes = [[closes[at] for at in window if at in closes] for closes in markets]
    medians = [median(found) for found in closes if found]
    if not medians or max(medians) / min(medians) - 1 > MAX_SPREAD:
        return None
    return median(medians)


class Rates:
    """The observed dollar rates of stablecoins."""

    def __init__(self, rules: MergeRules, start_ms: int, end_ms: int, events: tuple[MarketEvent, ...]) -> None:
        # The first candle that a rate may use.
        first_ms = max(start_ms - (RATE_MINUTES - 1) * MINUTE_MS, rules.history_start_ms)

        def closes(markets: Iterable[tuple[str, str]]) -> list[dict[int, float]]:
            return [_closes(*market, first_ms, end_ms, events) for market in markets]

        self._direct = {
            code: closes(market for market in rules.rate_markets if market[1] == f"{code}/USD") for code in STABLECOINS
        }
        self._cross = closes(rules.cross_markets)

    def at(self, currency: str, time_ms: int) -> float | None:
        """Return the dollar value of the currency in that minute; None if it is unknown, or no longer a dollar."""
        rate = _rate_of(self._direct[currency], time_ms)
        if currency == "USDC" and not any(self._closes_near(time_ms)):
            tether, cross = self.at("USDT", time_ms), _rate_of(self._cross, time_ms)
            rate = None if tether is None or cross is None else tether * cross
        return None if rate is None or abs(rate - 1) > FURTHEST_FROM_DOLLAR else rate

    def _closes_near(self, time_ms: int) -> list[bool]:
        window = range(time_ms - (RATE_MINUTES - 1) * MINUTE_MS, time_ms + 1, MINUTE_MS)
        return [any(at in closes for at in window) for closes in self._direct["USDC"]]


def legs_of(exchange: str, symbol: str, start_ms: int, end_ms: int, events: Iterable[MarketEvent]) -> dict[int, Leg]:
    """Return an exchange's candles by open time, in its own quote."""
    events = tuple(events)
    extras = true_extras(exchange, symbol, start_ms, end_ms, events)
    rows = true_candles(exchange, symbol, start_ms, end_ms, events=events)
    return {row[0]: Leg(*row[1:], extras[row[0]].quote_volume, extras[row[0]].trade_count) for row in rows}


def _distances(voting: Mapping[str, Leg]) -> dict[str, float]:
    """Return, for each exchange, the larger distance of open and close from their medians, as a logarithm."""
    middles = {name: median(getattr(leg, name) for leg in voting.values()) for name in ("open", "close")}
    return {
        exchange: max(abs(log(getattr(leg, name) / middle)) for name, middle in middles.items())
        for exchange, leg in voting.items()
    }


def guard(
    legs: Mapping[str, Leg], guard_percent: float
) -> tuple[dict[str, Leg], tuple[str, ...], tuple[str, ...], bool]:
    """Return the remaining legs, those excluded, those clamped, and whether the minute is disputed."""
    voting = {name: leg for name, leg in legs.items() if leg.volume > 0}
    if guard_percent == 0 or len(voting) < 2:
        return dict(legs), (), (), False
    reach = log(1 + guard_percent / 100)
    distances = _distances(voting)
    majority = sum(distance <= reach for distance in distances.values()) * 2 > len(voting)
    if len(voting) == 2 or not majority:
        return dict(legs), (), (), max(distances.values()) > DISPUTED
    excluded = tuple(sorted(name for name, distance in distances.items() if distance > reach))
    highest = median(leg.high for leg in voting.values()) * exp(reach)
    lowest = median(leg.low for leg in voting.values()) * exp(-reach)
    left, clamped = {}, []
    for name, leg in legs.items():
        if name in excluded:
            continue
        tamed = replace(leg, high=min(leg.high, highest), low=max(leg.low, lowest)) if name in voting else leg
        clamped += [name] if tamed != leg else []
        left[name] = tamed
    return left, excluded, tuple(sorted(clamped)), False


def average(legs: Mapping[str, Leg], *, extremes: bool) -> Leg:
    """Return the merged candle: prices weighted by volume, or plain averages without trades; volumes summed."""
    volume = sum(leg.volume for leg in legs.values())
    counting = {name: leg for name, leg in legs.items() if leg.volume > 0} or dict(legs)
    weights = {name: leg.volume / volume if volume else 1 / len(counting) for name, leg in counting.items()}
    price = {
        part: sum(getattr(leg, part) * weights[name] for name, leg in counting.items())
        for part in ("open", "high", "low", "close")
    }
    if extremes:
        price["high"] = max(leg.high for leg in counting.values())
        price["low"] = min(leg.low for leg in counting.values())
    quotes = [leg.quote_volume for leg in legs.values()]
    counts = [leg.trade_count for leg in legs.values()]
    return Leg(
        **price,
        volume=volume,
        quote_volume=None if None in quotes else sum(value or 0.0 for value in quotes),
        trade_count=None if None in counts else sum(value or 0 for value in counts),
    )


def _converted(
    legs: Mapping[str, Leg], quotes: Mapping[str, str], rates: Mapping[str, float | None]
) -> tuple[dict[str, Leg], tuple[str, ...]]:
    """Return the legs in the quote of the pair, and the exchanges that have no rate; `quotes` are those to convert."""
    known, unknown = {}, []
    for name, leg in legs.items():
        if name not in quotes:
            known[name] = leg
            continue
        rate = rates[quotes[name]]
        if rate is None:
            unknown.append(name)
        else:
            known[name] = leg.converted_at(rate)
    return known, tuple(sorted(unknown))


def foreign_exchanges(by_exchange: Mapping[str, Mapping[int, Leg]]) -> frozenset[str]:
    """Return the exchanges whose closes are far from those of the others: another coin, or another unit."""
    found = set()
    for name, legs in by_exchange.items():
        ratios = []
        for at, leg in legs.items():
            others = [other[at].close for key, other in by_exchange.items() if key != name and at in other]
            if others:
                ratios.append(leg.close / median(others))
        if len(ratios) >= MIN_COMMON_MINUTES and not MIN_RATIO <= median(ratios) <= MAX_RATIO:
            found.add(name)
    return frozenset(found)


def merged_truth(
    pair: str,
    markets: Mapping[str, str],
    start_ms: int,
    end_ms: int,
    events: Iterable[MarketEvent] = (),
    rules: MergeRules | None = None,
) -> dict[int, MergedMinute]:
    """Return the merged one-minute candles with start ≤ open time < end, by open time, when all has been answered.

    `markets` names each exchange's market. A minute whose row stays wrong permanently on one of them is not merged; nor
    is one for which no exchange has a candle with a rate.
    """
    rules, events = rules or MergeRules(), tuple(events)
    quote = pair.partition("/")[2]
    quotes = {name: find_market(name, symbol).quote for name, symbol in markets.items()}
    foreign = {} if rules.par else {name: code for name, code in quotes.items() if code != quote}
    raw = {name: legs_of(name, symbol, start_ms, end_ms, events) for name, symbol in markets.items()}
    if rules.identity:
        other_coins = foreign_exchanges(raw)
        raw = {name: legs for name, legs in raw.items() if name not in other_coins}
    wrong = set().union(*(wrong_minutes(name, symbol, start_ms, end_ms, events) for name, symbol in markets.items()))
    rates = Rates(rules, start_ms, end_ms, events) if foreign else None
    merged = {}
    for at in sorted(set().union(*raw.values()) - wrong):
        legs = {name: found[at] for name, found in raw.items() if at in found}
        worth = {code: rates.at(code, at) for code in sorted(set(foreign.values()))} if rates else {}
        minute = _merge(legs, foreign, worth, rules)
        if minute is not None:
            merged[at] = minute
    return merged


def _merge(
    legs: Mapping[str, Leg], quotes: Mapping[str, str], rates: Mapping[str, float | None], rules: MergeRules
) -> MergedMinute | None:
    converted, without_rate = _converted(legs, quotes, rates)
    if not converted:
        return None
    left, excluded, clamped, disputed = guard(converted, rules.guard_percent)
    closes = [leg.close for leg in left.values()]
    return MergedMinute(
        candle=average(left, extremes=rules.extremes),
        exchanges=tuple(sorted(left)),
        excluded=excluded,
        clamped=clamped,
        without_rate=without_rate,
        disputed=disputed,
        rates={code: rate for code, rate in rates.items() if rate is not None},
        dispersion_bps=(max(closes) - min(closes)) / median(closes) * 10_000,
    )
