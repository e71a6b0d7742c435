"""Find merged candles that are gone from the bucket: the record of their day has more than are stored."""

from collections.abc import Iterable

from candle_ingest.candles.window import DAY_MS, Window, floor_ms
from candle_ingest.ledger.merged_day import WITH_CANDLE, MergedDay
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CANDLES
from candle_ingest.store.flux import flux_range, keep, select, with_times_ms

_COUNTS = select(CANDLES, "r.currency_pair == currency_pair", 'r._field == "close"')
_COUNTS += '  |> aggregateWindow(every: 1d, fn: count, createEmpty: false, timeSrc: "_start")\n'
_COUNTS += keep("_time", "_value")


def lost_merges(
    bucket: InfluxBucket, currency_pair: str, window: Window, days: Iterable[MergedDay]
) -> list[tuple[Window, int]]:
    """Return the parts of `window`, by day, that lack merged candles, each with their number.

    Read `days` before calling this: a merge writes its candles first.
    """
    rows = bucket.query(_COUNTS, currency_pair=currency_pair, **flux_range(window))
    stored = {floor_ms(time_ms, DAY_MS): int(row["_value"]) for row, time_ms in with_times_ms(rows)}
    found = []
    for day in sorted(days, key=lambda day: day.day_ms):
        merged = int((day.mark_array[day.place(window)] == WITH_CANDLE).sum())
        if (count := merged - stored.get(day.day_ms, 0)) > 0:
            found.append((day.window.intersection(window), count))
    return found
