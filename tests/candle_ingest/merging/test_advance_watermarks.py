from dataclasses import replace

from candle_ingest.candles.window import DAY_MS, MINUTE_MS
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.merged_day import WITHOUT_CANDLE, new_merged_day
from candle_ingest.ledger.watermarks import CATCH_UP, FINAL
from candle_ingest.merging.advance_watermarks import _reached_of_day
from tests.candle_ingest.day import DAY

EMPTY = new_merged_day("BTC/USD", DAY, MINUTE_MS)
MERGED = replace(EMPTY, marks=bytes([WITHOUT_CANDLE] * 1440), state=RecordState.FINAL)


def test_no_watermark_passes_the_last_closed_candle():
    noon, midnight = DAY + DAY_MS // 2, DAY + DAY_MS
    assert [_reached_of_day(MERGED, CATCH_UP, DAY, closed_ms) for closed_ms in (noon, midnight)] == [noon, midnight]
    assert [_reached_of_day(MERGED, FINAL, DAY, closed_ms) for closed_ms in (noon, midnight)] == [DAY, midnight]


def test_a_watermark_in_the_future_stays_where_it_is():
    assert _reached_of_day(MERGED, CATCH_UP, DAY + DAY_MS // 2, DAY) == DAY + DAY_MS // 2
