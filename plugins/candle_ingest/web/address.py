"""The values in an address: checked here, before any of them reaches a query."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query

from candle_ingest.candles.dates import parse_moment_ms
from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.candles.window import DAY_MS, Window, floor_ms, format_ms
from candle_ingest.errors import SymbolError
from candle_ingest.reports.coverage_days import MAX_PAIRS

EARLIEST_MS = int(datetime(2009, 1, 1, tzinfo=UTC).timestamp() * 1000)
LATEST_MS = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp() * 1000)
MAX_DAYS = 3660


class BadAddressError(Exception):
    """A value in the address cannot be used; the message says what is expected."""


def pair_of(symbol: Annotated[str, Query(max_length=50)]) -> str:
    """Return the pair (`BTC/USD`) in the value `symbol`."""
    try:
        return parse_symbol(symbol).currency_pair
    except SymbolError as error:
        raise BadAddressError(f"symbol: {error}") from None


def pairs_of(pairs: Annotated[str, Query(max_length=8_000)]) -> tuple[str, ...]:
    """Return the pairs in the value `pairs`, separated by commas."""
    found = tuple(dict.fromkeys(pair_of(text) for text in pairs.split(",")))
    if len(found) > MAX_PAIRS:
        raise BadAddressError(f"pairs: {len(found)} are too many; request at most {MAX_PAIRS} at a time")
    return found


def window_of(start: Annotated[str, Query(max_length=40)], end: Annotated[str, Query(max_length=40)]) -> Window:
    """Return the window from `start` (inclusive) to `end` (exclusive)."""
    start_ms, end_ms = moment_ms("start", start), moment_ms("end", end)
    if end_ms <= start_ms:
        raise BadAddressError(f"end, {format_ms(end_ms)}, is not after start, {format_ms(start_ms)}")
    if end_ms - start_ms > MAX_DAYS * DAY_MS:
        raise BadAddressError(f"the range is longer than {MAX_DAYS} days")
    return Window(start_ms, end_ms)


def day_of(day: Annotated[str, Query(max_length=40)]) -> Window:
    """Return the UTC day that contains `day`."""
    start_ms = floor_ms(moment_ms("day", day), DAY_MS)
    return Window(start_ms, start_ms + DAY_MS)


def time_of(time: Annotated[str, Query(max_length=40)] = "") -> int | None:
    """Return the value `time` in ms since 1970; None if there is none."""
    return moment_ms("time", time) if time else None


def moment_ms(name: str, text: str) -> int:
    """Return the value `text` of `name` in ms since 1970. Raises BadAddressError."""
    try:
        moment = parse_moment_ms(text)
    except (ValueError, OverflowError):
        raise BadAddressError(f"{name} is {text!r}; expected a time such as 2026-01-01T00:00Z") from None
    if not EARLIEST_MS <= moment < LATEST_MS:
        raise BadAddressError(f"{name} is {text!r}; expected a time between 2009 and 2100")
    return moment


Pair = Annotated[str, Depends(pair_of)]
Pairs = Annotated[tuple[str, ...], Depends(pairs_of)]
Range = Annotated[Window, Depends(window_of)]
OptionalMoment = Annotated[int | None, Depends(time_of)]
Day = Annotated[Window, Depends(day_of)]
