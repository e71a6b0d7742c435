"""A separate thread pool for the page, so that a slow InfluxDB cannot use up the threads of Airflow's API.

The page shares process and event loop with the API that tasks report to. FastAPI would run each route in the thread
pool of that API, and forty requests waiting for InfluxDB would stop Airflow.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
# The page makes four requests at a time when it opens.
AT_ONCE = 4
MAX_WAITING = 8
MAX_WAIT_SECONDS = 2.0


class BusyError(Exception):
    """The page already handles as many requests as it may; the same request may succeed a second later."""

    def __init__(self) -> None:
        super().__init__("the page is busy with other requests: try again in a few seconds")


class Limiter:
    """Runs `at_once` functions at a time; `most_waiting` more wait for at most `longest_wait_seconds`."""

    def __init__(
        self,
        at_once: int = AT_ONCE,
        most_waiting: int = MAX_WAITING,
        longest_wait_seconds: float = MAX_WAIT_SECONDS,
    ) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="candles-page")
        self._most_waiting, self._longest_wait_seconds = most_waiting, longest_wait_seconds
        self._waiting = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns.

        Raises BusyError: at once if too many requests wait, otherwise after the longest wait.
        """
        await self._take_place()
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        # A caller can be cancelled but a thread cannot: its place is free only when it has ended.
        future.add_done_callback(lambda _: self._free.release())
        return await asyncio.shield(future)

    async def _take_place(self) -> None:
        if self._free.locked() and self._waiting >= self._most_waiting:
            raise BusyError
        self._waiting += 1
        try:
            async with asyncio.timeout(self._longest_wait_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise BusyError from None
        finally:
            self._waiting -= 1
