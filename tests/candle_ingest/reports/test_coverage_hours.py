from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.ledger.coverage import ANSWERED, CONFIRMED, FAILED, NOT_LISTED, SUSPECTED, Entry
from candle_ingest.ledger.ledger_records import LedgerRecord
from candle_ingest.ledger.task_instance_ref import TaskInstanceRef
from candle_ingest.reports.coverage_hours import find_holes

HOUR = 60 * MINUTE_MS


def record(exchange, status, first, last, run_id="r", map_index=-1, **values):
    window = Window(first * HOUR, last * HOUR)
    entry = Entry(currency_pair="BTC/USD", exchange=exchange, window=window, status=status, **values)
    return LedgerRecord(entry, TaskInstanceRef(dag_id="d", run_id=run_id, map_index=map_index))


def test_a_failure_is_open_until_all_of_it_is_answered():
    failed = record("a", FAILED, 0, 4, reason="down")
    assert [hole.is_open for hole in find_holes([failed])] == [True]
    assert [hole.is_open for hole in find_holes([failed, record("a", ANSWERED, 0, 3)])] == [True]
    assert [hole.is_open for hole in find_holes([failed, record("b", ANSWERED, 0, 4)])] == [True]
    assert [hole.is_open for hole in find_holes([failed, record("a", ANSWERED, 0, 4)])] == [False]


def test_a_suspicion_is_open_until_it_has_an_outcome():
    answered = record("a", ANSWERED, 0, 4)
    assert [hole.is_open for hole in find_holes([answered, record("a", SUSPECTED, 1, 2)])] == [True]
    assert [h.is_open for h in find_holes([answered, record("a", SUSPECTED, 1, 2, outcome=CONFIRMED)])] == [False]


def test_the_same_reason_is_told_once_with_the_newest_task():
    records = [
        record("a", FAILED, 0, 1, "first", reason="down", recorded_at_ms=1, tries=1),
        record("a", FAILED, 1, 2, "second", 7, reason="down", recorded_at_ms=2, tries=3),
        record("a", FAILED, 5, 6, "third", reason="another", recorded_at_ms=3),
    ]
    first, second = find_holes(records)
    assert (first.windows, first.tries, first.count) == ([Window(0, 2 * HOUR)], 3, 2)
    assert (first.record.recorder.run_id, first.record.task_id) == ("second", "fetch_candles")
    assert (second.record.entry.reason, second.record.task_id) == ("another", "aggregate_and_write")


def test_what_is_open_comes_first_and_a_listing_is_no_hole():
    holes = find_holes([record("a", NOT_LISTED, 0, 1), record("b", FAILED, 3, 4)])
    assert [(hole.record.entry.status, hole.is_open) for hole in holes] == [(FAILED, True), (NOT_LISTED, False)]
