"""A counter that several threads increment."""

from threading import Lock


class CallCounter:
    """Counts calls; `value` is how many there were."""

    def __init__(self) -> None:
        self.value = 0
        self._lock = Lock()

    def add_one(self) -> None:
        """Count a call."""
        with self._lock:
            self.value += 1
