import asyncio
import threading

import pytest

from candle_ingest.web.limiter import BusyError, Limiter


class Work:
    """Functions that end when they are told to."""

    def __init__(self):
        self.may_end = threading.Event()
        self.running = self.most = 0
        self.lock = threading.Lock()

    def __call__(self):
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.may_end.wait(10)
        with self.lock:
            self.running -= 1
        return "done"


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario, 20))


def test_no_more_run_at_once_than_allowed_and_the_rest_is_refused_at_once():
    async def scenario():
        work, limiter = Work(), Limiter(at_once=2, most_waiting=1, longest_wait_seconds=10)
        tasks = [asyncio.create_task(limiter.run(work)) for _ in range(10)]
        refused, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert len(refused) == 7
        assert all(isinstance(task.exception(), BusyError) for task in refused)
        work.may_end.set()
        done, _ = await asyncio.wait(set(tasks) - refused)
        assert [task.result() for task in done] == ["done"] * 3
        assert work.most == 2

    run(scenario())


def test_a_request_that_waits_too_long_is_refused():
    async def scenario():
        work, limiter = Work(), Limiter(at_once=1, most_waiting=5, longest_wait_seconds=0.01)
        first = asyncio.create_task(limiter.run(work))
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await limiter.run(work)
        work.may_end.set()
        assert await first == "done"

    run(scenario())


def test_a_cancelled_caller_does_not_free_the_place_of_a_running_thread():
    async def scenario():
        work, limiter = Work(), Limiter(at_once=1, most_waiting=5, longest_wait_seconds=0.05)
        first = asyncio.create_task(limiter.run(work))
        while not work.running:
            await asyncio.sleep(0.001)
        first.cancel()
        with pytest.raises(BusyError):
            await limiter.run(work)
        work.may_end.set()
        assert await limiter.run(lambda: "next") == "next"

    run(scenario())


def test_an_error_frees_the_place():
    async def scenario():
        limiter = Limiter(at_once=1, most_waiting=0, longest_wait_seconds=1)
        with pytest.raises(ZeroDivisionError):
            await limiter.run(lambda: 1 // 0)
        assert await limiter.run(lambda: "next") == "next"

    run(scenario())
