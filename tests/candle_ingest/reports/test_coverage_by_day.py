from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, MINUTE_MS
from candle_ingest.ledger.minute_state import CoverageCounts
from candle_ingest.reports.coverage_by_day import without_slots_to_come
from candle_ingest.reports.expected_coverage import ExpectedCoverage


def expected(until_ms):
    return ExpectedCoverage(exchanges=("binance",), timeframe=Timeframe(1), until_ms=until_ms)


def test_a_past_day_without_a_record_counts_as_not_asked():
    found = without_slots_to_come(None, 0, expected(2 * DAY_MS))
    assert found == CoverageCounts(expected=1440, not_asked=1440)


def test_future_minutes_are_neither_expected_nor_open():
    counts = CoverageCounts(expected=1440, present=60, not_asked=1380)
    found = without_slots_to_come(counts, DAY_MS, expected(DAY_MS + 70 * MINUTE_MS))
    assert found == CoverageCounts(expected=70, present=60, not_asked=10)


def test_minutes_that_came_early_count_as_they_are():
    counts = CoverageCounts(expected=1440, present=5, not_asked=1435)
    assert without_slots_to_come(counts, DAY_MS, expected(DAY_MS)) == CoverageCounts(expected=5, present=5)
