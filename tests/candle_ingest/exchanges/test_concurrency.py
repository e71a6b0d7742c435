import itertools
import threading

import pytest

from candle_ingest.candles.window import Window
from candle_ingest.exchanges.concurrency import in_parallel

WINDOWS = [Window(n, n + 1) for n in range(20)]


class Opened:
    """What the threads need of an exchange; notes who used it at the same time."""

    def __init__(self, worthwhile_threads=4, family=None):
        self.worthwhile_threads = worthwhile_threads
        self.family = family if family is not None else []
        self.family.append(self)
        self.busy = threading.Lock()

    def twin(self):
        return Opened(self.worthwhile_threads, self.family)


def ask(exchange, window):
    assert exchange.busy.acquire(blocking=False), "one object serves one request at a time"
    try:
        return window.start_ms
    finally:
        exchange.busy.release()


def test_answers_come_in_the_order_of_the_windows():
    assert list(in_parallel(Opened(), WINDOWS, ask)) == list(range(20))


def test_no_more_clients_are_opened_than_threads_have_windows_for():
    one = Opened(worthwhile_threads=4)
    list(in_parallel(one, WINDOWS, ask))
    assert len(one.family) == 4
    other = Opened(worthwhile_threads=4)
    list(in_parallel(other, WINDOWS[:6], ask))
    assert len(other.family) == 2
    alone = Opened(worthwhile_threads=4)
    list(in_parallel(alone, WINDOWS[:4], ask))
    assert len(alone.family) == 1


def test_a_slow_limit_is_used_by_one_client_alone():
    one = Opened(worthwhile_threads=1)
    assert list(in_parallel(one, WINDOWS, ask)) == list(range(20))
    assert len(one.family) == 1


def test_requests_are_made_at_the_same_time():
    together = threading.Barrier(3, timeout=10)

    def wait_for_the_others(exchange, window):
        together.wait()
        return ask(exchange, window)

    answers = in_parallel(Opened(worthwhile_threads=3), WINDOWS[:12], wait_for_the_others)
    assert list(answers) == list(range(12))


def test_the_first_error_is_raised_after_the_results_before_it():
    def fail_at_seven(exchange, window):
        if window.start_ms == 7:
            raise ConnectionError("down")
        return ask(exchange, window)

    answers = in_parallel(Opened(), WINDOWS, fail_at_seven)
    assert list(itertools.islice(answers, 7)) == list(range(7))
    with pytest.raises(ConnectionError, match="down"):
        next(answers)
