"""Wait until a server answers."""

from __future__ import annotations

import time
from collections.abc import Callable

from dev.local_stack.errors import ServerNotReadyError

_POLL_SECONDS = 0.1


def wait_until(
    ready: Callable[[], bool], what: str, timeout_seconds: float, alive: Callable[[], bool] = lambda: True
) -> None:
    """Poll `ready`. Raises LocalStackError after the timeout, or at once if `alive` returns False."""
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        if not alive():
            raise ServerNotReadyError(f"{what} ended before it was ready.")
        if time.monotonic() > deadline:
            raise ServerNotReadyError(f"{what} did not answer within {timeout_seconds:.0f} seconds.")
        time.sleep(_POLL_SECONDS)
