"""Retries and waits of the gate that every request passes."""

import pytest

from candle_ingest.errors import PermanentError
from candle_ingest.exchanges.error_mapping import (
    ExchangeLimitedError,
    ExchangeTemporaryError,
    ExchangeUnavailableError,
    UnconfirmedAnswerError,
)
from candle_ingest.exchanges.request_gate import ATTEMPTS, FAILURES_IN_A_ROW, RequestGate

DOWN = ExchangeUnavailableError("kraken, a page: down")


def gate(waits=None, delay_seconds=0.0):
    waits = [] if waits is None else waits
    return RequestGate("kraken", limit=None, breaker=None, delay_seconds=delay_seconds, sleep=waits.append)


def failing(times, error=DOWN):
    """Ask for something that fails so many times before it answers with the number of the attempt."""

    def ask(attempt):
        if attempt <= times:
            raise error
        return attempt

    return ask


def unchanged(answer):
    return answer


@pytest.mark.parametrize("failures", range(ATTEMPTS))
def test_a_request_is_tried_up_to_five_times(failures):
    waits = []
    asked = gate(waits)
    assert asked.send("BTC/USD", failing(failures), unchanged) == failures + 1
    assert (asked.counter.value, len(waits)) == (failures + 1, failures)


def test_after_five_attempts_the_last_error_is_raised():
    asked = gate()
    with pytest.raises(ExchangeTemporaryError, match="kraken, a page: down"):
        asked.send("BTC/USD", failing(ATTEMPTS), unchanged)
    assert asked.counter.value == ATTEMPTS


def test_after_three_failures_in_a_row_each_request_is_tried_once():
    asked = gate()
    for _ in range(FAILURES_IN_A_ROW + 2):
        with pytest.raises(ExchangeTemporaryError):
            asked.send("BTC/USD", failing(ATTEMPTS), unchanged)
    assert asked.counter.value == FAILURES_IN_A_ROW * ATTEMPTS + 2


def test_an_empty_answer_is_confirmed_even_after_failures_in_a_row():
    asked = gate()
    for _ in range(FAILURES_IN_A_ROW):
        with pytest.raises(ExchangeTemporaryError):
            asked.send("BTC/USD", failing(ATTEMPTS), unchanged)
    assert asked.send("BTC/USD", failing(1, UnconfirmedAnswerError("kraken, a page: empty")), unchanged) == 2


def test_one_success_restores_five_attempts_for_later_requests():
    asked = gate()
    for _ in range(FAILURES_IN_A_ROW):
        with pytest.raises(ExchangeTemporaryError):
            asked.send("BTC/USD", failing(ATTEMPTS), unchanged)
    assert asked.send("BTC/USD", failing(0), unchanged) == 1
    assert asked.send("BTC/USD", failing(ATTEMPTS - 1), unchanged) == ATTEMPTS


def test_a_request_whose_answer_fails_its_check_is_retried():
    refused = []

    def check(answer):
        if answer < 3:
            refused.append(answer)
            raise ExchangeTemporaryError("not this one")
        return f"checked {answer}"

    assert gate().send("BTC/USD", failing(0), check) == "checked 3"
    assert refused == [1, 2]


def test_a_permanent_error_is_not_retried():
    asked = gate()
    with pytest.raises(PermanentError):
        asked.send("BTC/USD", failing(1, PermanentError("gone")), unchanged)
    assert asked.counter.value == 1


def test_an_error_of_this_package_passes_unchanged():
    def check(answer):
        raise ValueError("our own")

    asked = gate()
    with pytest.raises(ValueError, match="our own"):
        asked.send("BTC/USD", failing(0), check)
    assert asked.counter.value == 1


def test_it_waits_at_least_as_long_as_the_exchange_says():
    waits = []
    gate(waits).send("BTC/USD", failing(2, ExchangeLimitedError("slow down", 45)), unchanged)
    assert len(waits) == 2
    assert min(waits) >= 45


def test_a_wait_too_long_for_a_task_is_left_to_airflow():
    waits = []
    with pytest.raises(ExchangeTemporaryError):
        gate(waits).send("BTC/USD", failing(1, ExchangeLimitedError("banned", 3600)), unchanged)
    assert waits == []


def test_no_wait_is_longer_than_a_minute():
    waits = []
    gate(waits).send("BTC/USD", failing(ATTEMPTS - 1), unchanged)
    assert all(0 <= wait <= 60 for wait in waits)


def test_the_extra_delay_is_kept_before_each_request():
    waits = []
    asked = gate(waits, delay_seconds=0.5)
    for _ in range(3):
        asked.send("BTC/USD", failing(0), unchanged)
    assert waits == [0.5] * 3
