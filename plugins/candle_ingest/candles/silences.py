"""Long silences of one exchange while the others traded."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import MINUTE_MS, Window

Times = NDArray[np.int64]
# Shorter silences are usual.
SHORTEST_MS = 30 * MINUTE_MS
# At its own pace the exchange would have traded in so many minutes of the silence: by chance alone it would
# keep silent through that less than once in three thousand times.
MOST_EXPECTED = 8.0
# In a shorter silence it would have traded in this share of the candles.
EXPECTED_SHARE = 0.8
# Fewer minutes of the others beside the silence tell nothing of the pace.
FEWEST_TO_COMPARE = 10


def suspected_outages(
    traded: Mapping[str, Times], answered: Mapping[str, Sequence[Window]], timeframe: Timeframe
) -> dict[str, list[Window]]:
    """Return the silences of each exchange that are too long to be quiet minutes.

    `traded` holds, for each exchange, the ascending open times in ms of its candles with volume, and `answered` the
    windows for which it has answered, apart from each other: outside of them nobody knows whether it was silent. The
    pace of an exchange is the share of the others' minutes in which it traded too, beside the silence.
    """
    suspected = {}
    for name, all_times in traded.items():
        known = answered.get(name, ())
        times = _within(all_times, known)
        others = _within(_union([other for key, other in traded.items() if key != name]), known)
        silences = [silence for window in known for silence in _silences(_within(times, [window]), window, timeframe)]
        if found := [silence for silence in silences if _is_odd(silence, times, others, timeframe)]:
            suspected[name] = found
    return suspected


def _within(times: Times, windows: Sequence[Window]) -> Times:
    cuts = (np.searchsorted(times, [window.start_ms, window.end_ms]) for window in windows)
    return np.concatenate([np.empty(0, np.int64), *(times[first:last] for first, last in cuts)])


def _union(parts: list[Times]) -> Times:
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)


def _silences(times: Times, window: Window, timeframe: Timeframe) -> Iterator[Window]:
    starts = np.concatenate([[window.start_ms], times + timeframe.ms])
    ends = np.concatenate([times, [window.end_ms]])
    long = ends - starts >= max(SHORTEST_MS, timeframe.ms)
    for start_ms, end_ms in zip(starts[long].tolist(), ends[long].tolist(), strict=True):
        yield Window(start_ms, end_ms)


def _is_odd(silence: Window, times: Times, others: Times, timeframe: Timeframe) -> bool:
    first, last = np.searchsorted(others, [silence.start_ms, silence.end_ms])
    meanwhile = int(last - first)
    beside = len(others) - meanwhile
    pace = min(1.0, len(times) / beside) if beside >= FEWEST_TO_COMPARE else 1.0
    return pace * meanwhile >= min(MOST_EXPECTED, EXPECTED_SHARE * timeframe.slots(silence))
