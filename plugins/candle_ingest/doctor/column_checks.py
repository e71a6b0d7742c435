"""The facts about the columns that ccxt drops: average price, number of trades, taker volume."""

from collections.abc import Callable

from candle_ingest.doctor.checks import PLAUSIBLE_SHARE, TOLERANCE, Check
from candle_ingest.doctor.exchange_under_test import ExchangeUnderTest
from candle_ingest.doctor.finding import Observation
from candle_ingest.exchanges.answers import ParsedRows
from candle_ingest.exchanges.profiles import WireColumns
from candle_ingest.exchanges.wire_rows import read_extras

HIGH, LOW, VOLUME = 2, 3, 5
QUOTE_VOLUME, TRADE_COUNT, TAKER_BUY_VOLUME = range(3)
# In a busy market takers buy some of the volume of some hours, and sell the rest.
MIN_SHARE, MAX_SHARE = 0.01, 0.99
NO_VOLUME = Observation("no candle with volume", None)


def look_at_average_prices(subject: ExchangeUnderTest) -> Observation:
    """Tell whether the average price of each candle lies between its low and high."""
    candles = [(row, quote / row[VOLUME]) for row, quote in _column(subject, QUOTE_VOLUME) if row[VOLUME] > 0]
    if not candles:
        return NO_VOLUME
    within = sum(row[LOW] * (1 - TOLERANCE) <= vwap <= row[HIGH] * (1 + TOLERANCE) for row, vwap in candles)
    seen = f"{within:,} of {len(candles):,} average prices within low and high"
    return Observation(seen, within >= PLAUSIBLE_SHARE * len(candles))


def look_at_trade_counts(subject: ExchangeUnderTest) -> Observation:
    """Tell whether numbers of trades are whole, and zero exactly where there is no volume."""
    candles = _column(subject, TRADE_COUNT)
    if not any(row[VOLUME] > 0 for row, _ in candles):
        return NO_VOLUME
    sound = sum(count.is_integer() and (count > 0) == (row[VOLUME] > 0) for row, count in candles)
    return Observation(f"{sound:,} of {len(candles):,} fit the volume", sound == len(candles))


def look_at_taker_volumes(subject: ExchangeUnderTest) -> Observation:
    """Tell whether takers buy a part of each volume: none of it is the whole volume, or in other units."""
    candles = _column(subject, TAKER_BUY_VOLUME)
    total = sum(float(row[VOLUME]) for row, _ in candles)
    if not total:
        return NO_VOLUME
    within = sum(0 <= taker <= row[VOLUME] * (1 + TOLERANCE) for row, taker in candles)
    share = sum(taker for _, taker in candles) / total
    seen = f"{within:,} of {len(candles):,} within the volume, {share:.0%} of it in all"
    return Observation(seen, within == len(candles) and MIN_SHARE < share < MAX_SHARE)


def _column(subject: ExchangeUnderTest, number: int) -> list[tuple[list[float], float]]:
    """Return each row of the full answer with one value of `read_extras`."""
    columns, answer = subject.profile.wire_columns or WireColumns(), subject.full_answer
    extras = read_extras(ParsedRows(answer.rows, answer.sent_rows), columns)
    return list(zip(map(list, answer.rows), extras[:, number].tolist(), strict=True))


def _has(name: str) -> Callable[[ExchangeUnderTest], bool]:
    """Return a function that tells whether rows have a column."""
    return lambda subject: getattr(subject.profile.wire_columns, name, None) is not None


COLUMN_CHECKS = (
    Check("vwap", lambda subject: "within low and high", look_at_average_prices, applies=_has("vwap")),
    Check("trade count", lambda subject: "0 only without volume", look_at_trade_counts, applies=_has("trade_count")),
    Check(
        "taker volume", lambda subject: "a part of the volume", look_at_taker_volumes, applies=_has("taker_buy_volume")
    ),
)
