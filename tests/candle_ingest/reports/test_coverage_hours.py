from dataclasses import replace

from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.ledger.day_record import DayRecord, new_day_record
from candle_ingest.ledger.merged_day import Waiting
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.stretch import Stretch
from candle_ingest.reports.coverage_hours import find_holes, find_waiting, hourly_counts

DAY = Window(0, DAY_MS)


def record(*stretches: Stretch) -> DayRecord:
    return replace(new_day_record("BTC/USD", "kraken", 0, MINUTE_MS), stretches=stretches)


def stretch(start: int, end: int, state: MinuteState, reason: str = "", **values: int) -> Stretch:
    return Stretch(start_ms=start * MINUTE_MS, end_ms=end * MINUTE_MS, state=state, reason=reason, **values)


def test_stretches_with_the_same_state_and_reason_are_one_hole():
    failed = [stretch(0, 5, MinuteState.FAILED, "503", tries=2), stretch(10, 20, MinuteState.FAILED, "503", tries=3)]
    [hole] = find_holes({"kraken": record(*failed)}, DAY)
    assert hole.windows == [Window(0, 5 * MINUTE_MS), Window(10 * MINUTE_MS, 20 * MINUTE_MS)]
    assert (hole.tries, hole.is_open) == (3, True)


def test_pages_of_one_answer_that_failed_for_the_same_reason_are_one_hole():
    failed = [
        stretch(
            page * 300,
            page * 300 + 300,
            MinuteState.FAILED,
            f"NetworkError: kraken GET http://a.example/{page} 500 Internal Server Error",
        )
        for page in range(2)
    ]
    unasked = replace(failed[1], reason=f"not asked, after 3 pages without an answer: {failed[1].reason}")
    for second in (failed[1], unasked):
        [hole] = find_holes({"kraken": record(failed[0], second)}, DAY)
        assert hole.windows == [Window(0, 600 * MINUTE_MS)]
        assert hole.reason == failed[0].reason


def test_what_waits_names_exchanges_and_states_and_is_joined():
    records = {
        "kraken": record(
            stretch(0, 60, MinuteState.FAILED, "HTTP 500"), stretch(60, 90, MinuteState.FAILED, "HTTP 503")
        ),
        "kucoin": record(stretch(80, 100, MinuteState.NOT_ASKED), stretch(0, 60, MinuteState.OUTAGE)),
    }
    parts = [Waiting(start * MINUTE_MS, end * MINUTE_MS, "long", 1) for start, end in ((0, 60), (60, 80), (80, 90))]
    found = find_waiting([*parts, Waiting(200 * MINUTE_MS, 210 * MINUTE_MS, "no rate", 1)], records)
    assert [(part.start_ms // MINUTE_MS, part.end_ms // MINUTE_MS, part.reason) for part in found] == [
        (0, 80, "kraken failed"),
        (80, 90, "kraken failed, kucoin not asked"),
        (200, 210, "no rate"),
    ]


def test_what_is_open_comes_before_what_is_settled():
    holes = find_holes(
        {"kraken": record(stretch(0, 5, MinuteState.OUTAGE), stretch(5, 9, MinuteState.REJECTED, "high below low"))},
        DAY,
    )
    assert [(hole.state, hole.is_open) for hole in holes] == [("rejected", True), ("outage", False)]


def test_what_is_unobtainable_is_not_open():
    [hole] = find_holes({"kraken": record(stretch(0, 5, MinuteState.UNOBTAINABLE, "older than it serves"))}, DAY)
    assert not hole.is_open


def test_future_minutes_are_no_hole():
    so_far = Window(0, 60 * MINUTE_MS)
    [hole] = find_holes({"kraken": record(stretch(50, 1440, MinuteState.NOT_ASKED))}, so_far)
    assert hole.windows == [Window(50 * MINUTE_MS, 60 * MINUTE_MS)]
    assert find_holes({"kraken": record(stretch(60, 1440, MinuteState.NOT_ASKED))}, so_far) == []


def test_the_next_look_is_the_earliest_that_is_due():
    silent = [stretch(0, 5, MinuteState.SILENT, due_ms=0), stretch(9, 12, MinuteState.SILENT, due_ms=70)]
    [hole] = find_holes({"kraken": record(*silent, stretch(20, 30, MinuteState.SILENT, due_ms=50))}, DAY)
    assert hole.due_ms == 50


def test_future_hours_count_nothing():
    hours = [Window(hour * 60 * MINUTE_MS, (hour + 1) * 60 * MINUTE_MS) for hour in range(3)]
    counts = hourly_counts(record(stretch(0, 1440, MinuteState.NOT_ASKED)), hours, Window(0, 90 * MINUTE_MS))
    assert [(sums.expected, sums.open) for sums in counts] == [(60, 60), (30, 30), (0, 0)]
