"""Read the merged candles of a window with their quality and grades."""

import numpy as np

from candle_ingest.candles.graded import GradedCandles
from candle_ingest.candles.quality import grades
from candle_ingest.candles.window import Window
from candle_ingest.errors.servers import StoredCandlesError
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore
from candle_ingest.store.quality_store import QualityStore


def read_graded_candles(bucket: InfluxBucket, currency_pair: str, window: Window) -> GradedCandles:
    """Return the merged candles of the window. Raises StoredCandlesError if one has no quality."""
    merged = CandleStore(bucket).read_merged(currency_pair, window)
    times = merged.candles.open_time_ms
    try:
        quality = QualityStore(bucket).read(currency_pair, window).at(times)
    except ValueError as error:
        raise StoredCandlesError(f"InfluxDB, quality of {currency_pair}, {window}: {error}") from None
    final = np.zeros(len(times), np.bool_)
    for day in DayRecords(bucket).read_merges(window, [currency_pair]).values():
        if day.state == RecordState.FINAL:
            final |= (times >= day.window.start_ms) & (times < day.window.end_ms)
    return GradedCandles(merged, quality, grades(merged.exchange_count, quality, final))
