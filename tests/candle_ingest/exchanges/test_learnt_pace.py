from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.exchanges.learnt_pace import (
    FORGOTTEN_AFTER_MS,
    HALF_LIFE_MS,
    MAX_SLOWDOWN,
    SAME_REFUSAL_MS,
    STEP,
    LearntPace,
)

NOW_MS = 1_790_000_000_000
times = st.integers(NOW_MS, NOW_MS + 30 * 86_400_000)
paces = st.builds(LearntPace, st.floats(1, MAX_SLOWDOWN), times)


def test_an_exchange_that_never_refused_has_the_usual_pace():
    assert LearntPace().slowdown_at(NOW_MS) == 1


def test_a_refusal_slows_down_and_an_hour_later_half_of_that_is_left():
    learnt = LearntPace().after_refusal(NOW_MS)
    assert learnt.slowdown_at(NOW_MS) == STEP
    assert learnt.slowdown_at(NOW_MS + HALF_LIFE_MS) == 1 + (STEP - 1) / 2


def test_requests_refused_together_count_as_one_refusal():
    learnt = LearntPace().after_refusal(NOW_MS)
    assert learnt.after_refusal(NOW_MS + SAME_REFUSAL_MS - 1) == learnt
    assert learnt.after_refusal(NOW_MS + SAME_REFUSAL_MS).slowdown > learnt.slowdown


@given(st.lists(times, max_size=40).map(sorted))
def test_the_slowdown_is_bounded_whatever_comes(refusals):
    learnt = LearntPace()
    for time_ms in refusals:
        learnt = learnt.after_refusal(time_ms)
        assert 1 <= learnt.slowdown_at(time_ms) <= MAX_SLOWDOWN


@given(paces, times, times)
def test_without_a_refusal_it_never_becomes_slower(learnt, one_ms, other_ms):
    early_ms, late_ms = sorted((one_ms, other_ms))
    assert learnt.slowdown_at(late_ms) <= learnt.slowdown_at(early_ms)


@given(paces, times)
def test_a_refusal_never_makes_it_faster(learnt, now_ms):
    assert learnt.after_refusal(now_ms).slowdown_at(now_ms) >= learnt.slowdown_at(now_ms)


@given(paces)
def test_the_slowdown_is_over_when_its_key_expires_in_redis(learnt):
    assert learnt.slowdown_at(learnt.refused_ms + FORGOTTEN_AFTER_MS) == 1


@given(paces, st.integers(0, HALF_LIFE_MS))
def test_a_clock_that_is_set_back_changes_nothing(learnt, back_ms):
    assert learnt.slowdown_at(learnt.refused_ms - back_ms) == learnt.slowdown_at(learnt.refused_ms)
