"""Larger candles out of smaller ones, for granularities that an exchange does not serve itself."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.candles import Candles, CheckedPage, Page
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window

OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)


def resampled_pages(pages: Iterable[Page], timeframe: Timeframe) -> Iterator[Page]:
    """Pages of candles of `timeframe` from pages of smaller ones, as soon as the larger candles are complete.

    The pages ascend, without gaps, and together they begin and end on its grid.
    """
    waiting: Page | None = None
    for page in pages:
        waiting = page if waiting is None else _joined(waiting, page)
        border_ms = timeframe.floor_ms(waiting.window.end_ms)
        if whole := _part(waiting, waiting.window.start_ms, border_ms):
            yield _resampled(whole, timeframe)
            waiting = _part(waiting, border_ms, waiting.window.end_ms)


def resample(candles: Candles, timeframe: Timeframe) -> Candles:
    """First open, highest high, lowest low, last close, sum of volume; a bar without candles gives none.

    The flat candle of a minute without trades repeats the close before it. It takes part only where nobody
    traded in the whole bar: exchanges build a bar from its trades.
    """
    if not len(candles):
        return candles
    opens, values, extras = _that_take_part(candles, timeframe)
    first = _firsts(opens)
    last = np.append(first[1:], len(opens)) - 1
    bars = np.empty((len(first), 5))
    bars[:, OPEN], bars[:, CLOSE] = values[first, OPEN], values[last, CLOSE]
    bars[:, HIGH] = np.maximum.reduceat(values[:, HIGH], first)
    bars[:, LOW] = np.minimum.reduceat(values[:, LOW], first)
    bars[:, VOLUME] = _exact_sums(values[:, VOLUME], first)
    return Candles(opens[first], bars, np.column_stack([_exact_sums(column, first) for column in extras.T]))


def _that_take_part(
    candles: Candles, timeframe: Timeframe
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """When the bar of each candle opens, and the candle's values; without the flat ones of bars with trades."""
    opens = candles.open_time_ms - candles.open_time_ms % timeframe.ms
    traded = candles.ohlcv[:, VOLUME] > 0
    takes_part = traded | ~np.isin(opens, opens[traded])
    return opens[takes_part], candles.ohlcv[takes_part], candles.extras[takes_part]


def _firsts(opens: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where a new bar begins."""
    return np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))


def _exact_sums(values: NDArray[np.float64], first: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the sum for each bar, NaN where a part is NaN."""
    if np.isnan(values).all():
        return np.full(len(first), np.nan)
    return np.array([_exact_sum(part) for part in np.split(values, first[1:])])


def _exact_sum(values: NDArray[np.float64]) -> float:
    """The sum of the decimals that the exchange wrote: adding floats would be off in the last digits."""
    return float(sum((Decimal(repr(value)) for value in values.tolist()), Decimal(0)))


def _joined(before: Page, after: Page) -> Page:
    one, other = before.checked, after.checked
    checked = CheckedPage(
        Candles.concatenate([one.candles, other.candles]),
        one.rejected + other.rejected,
        one.rejected_slots | other.rejected_slots,
    )
    return Page(Window(before.window.start_ms, after.window.end_ms), checked)


def _part(page: Page, start_ms: int, end_ms: int) -> Page | None:
    """The page from `start_ms` to `end_ms`; None where that is empty."""
    if end_ms <= start_ms:
        return None
    checked = page.checked
    slots = frozenset(slot for slot in checked.rejected_slots if start_ms <= slot < end_ms)
    reasons = checked.rejected if slots else type(checked.rejected)()
    return Page(Window(start_ms, end_ms), CheckedPage(checked.candles.between(start_ms, end_ms), reasons, slots))


def _resampled(page: Page, timeframe: Timeframe) -> Page:
    """A larger candle is rejected as soon as one of its parts is."""
    checked = page.checked
    slots = frozenset(timeframe.floor_ms(slot) for slot in checked.rejected_slots)
    bars = resample(checked.candles, timeframe)
    kept = ~np.isin(bars.open_time_ms, list(slots))
    return Page(page.window, CheckedPage(bars.select(kept), checked.rejected, slots))
