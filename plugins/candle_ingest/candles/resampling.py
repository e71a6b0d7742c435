"""Build larger candles from smaller ones, for granularities that an exchange does not serve itself."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.row_checks import CheckedPage, Page
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window

OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)


def resampled_pages(pages: Iterable[Page], timeframe: Timeframe) -> Iterator[Page]:
    """Yield pages of candles of `timeframe` from pages of smaller ones, each as soon as one ends on the larger grid.

    The pages ascend without gaps, and together begin and end on the grid of `timeframe`. A larger page fails if one of
    its parts failed, with the reason of the first.
    """
    waiting: list[Page] = []
    for page in pages:
        waiting.append(page)
        if page.window.end_ms % timeframe.ms == 0:
            yield _resampled(waiting, timeframe)
            waiting = []


def resample(candles: Candles, timeframe: Timeframe) -> Candles:
    """Return the first open, highest high, lowest low, last close and sum of volume; a bar without candles gives none.

    The flat candle of a minute without trades repeats the close before it. It counts only if the whole bar is without
    trades, as exchanges build a bar from its trades.
    """
    if not len(candles):
        return candles
    opens, values, extras = _without_flat_repeats(candles, timeframe)
    first = _bar_starts(opens)
    last = np.append(first[1:], len(opens)) - 1
    bars = np.empty((len(first), 5))
    bars[:, OPEN], bars[:, CLOSE] = values[first, OPEN], values[last, CLOSE]
    bars[:, HIGH] = np.maximum.reduceat(values[:, HIGH], first)
    bars[:, LOW] = np.minimum.reduceat(values[:, LOW], first)
    bars[:, VOLUME] = _exact_sums(values[:, VOLUME], first)
    return Candles(opens[first], bars, np.column_stack([_exact_sums(column, first) for column in extras.T]))


def _without_flat_repeats(
    candles: Candles, timeframe: Timeframe
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the open time of each candle's bar, and its values; without the flat candles of bars with trades."""
    opens = candles.open_time_ms - candles.open_time_ms % timeframe.ms
    traded = candles.ohlcv[:, VOLUME] > 0
    counts = traded | ~np.isin(opens, opens[traded])
    return opens[counts], candles.ohlcv[counts], candles.extras[counts]


def _bar_starts(opens: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the indices at which a new bar begins."""
    return np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))


def _exact_sums(values: NDArray[np.float64], first: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the sum for each bar, NaN where a part is NaN."""
    if np.isnan(values).all():
        return np.full(len(first), np.nan)
    return np.array([_exact_sum(part) for part in np.split(values, first[1:])])


def _exact_sum(values: NDArray[np.float64]) -> float:
    """Return the sum of the decimals as the exchange wrote them: adding floats would be wrong in the last digits."""
    return float(sum((Decimal(repr(value)) for value in values.tolist()), Decimal(0)))


def _resampled(pages: Sequence[Page], timeframe: Timeframe) -> Page:
    """Return one page of larger candles; a candle is rejected if one of its parts is.

    A candle that lacks some of its parts is made of the others, as an exchange makes it after an outage; the closing
    look requests the parts again. A candle that lacks all of them is missing.
    """
    window = Window(pages[0].window.start_ms, pages[-1].window.end_ms)
    failed = next((page for page in pages if page.failed_reason), None)
    if failed is not None:
        return Page.failed(window, failed.failed_reason, unobtainable=failed.unobtainable)
    parts = [page.checked for page in pages]
    slots = frozenset(timeframe.floor_ms(slot) for part in parts for slot in part.rejected_slots)
    lacking = frozenset(timeframe.floor_ms(slot) for part in parts for slot in part.missing_slots)
    bars = resample(Candles.concatenate([part.candles for part in parts]), timeframe)
    sound = bars.select(~np.isin(bars.open_time_ms, list(slots)))
    checked = CheckedPage(
        sound,
        rejected=sum((part.rejected for part in parts), Counter()),
        rejected_slots=slots,
        corrections=sum((part.corrections for part in parts), Counter()),
        missing_slots=lacking - slots - set(sound.open_time_ms.tolist()),
    )
    return Page(window, checked)
