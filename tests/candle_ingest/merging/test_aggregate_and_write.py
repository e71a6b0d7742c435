from candle_ingest.candles.window import DAY_MS
from candle_ingest.ledger.work_index import OTHER_METHOD
from candle_ingest.merging.aggregate_and_write import with_new_answers, within_budget

OLD = {("BTC/USD", day * DAY_MS): OTHER_METHOD for day in range(5)}


def test_days_of_another_method_are_taken_newest_first_within_the_budget():
    assert sorted(day_ms // DAY_MS for _, day_ms in within_budget(OLD, most=2)) == [3, 4]


def test_days_with_new_answers_need_no_budget():
    answered = {("ETH/USD", day * DAY_MS): 1_000_000 + day for day in range(3)}
    assert within_budget({**OLD, **answered}, most=0) == answered


def test_days_of_another_method_without_new_answers_can_be_left_out():
    answered = {("ETH/USD", 0): 1_000_000}
    assert with_new_answers({**OLD, **answered}) == answered
