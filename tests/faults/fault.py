"""A fault as data: what the tests inject and what docs/development/reliability.md tells."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.world import World


class Under(Enum):
    """What a run does while the fault lasts."""

    RETRIED = "fails; Airflow retries it"
    AT_ONCE = "fails at once"
    OPEN = "stores the rest, names what is open, and leaves it to repair"
    HEALED = "mends itself within the run"
    UNHARMED = "goes on"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault. `switch_on` breaks something for the length of its block, in a way of its own.

    `says` is a regular expression for what the log or the error says. `once` is what a run does where the fault
    hits a single request; None: it cannot be counted. `exchanges` are those on which it is tried.
    """

    area: str
    name: str
    injected: str
    switch_on: Callable[[World, int | None], AbstractContextManager[object]]
    under: Under
    says: str
    once: Under | None = None
    exchanges: tuple[str, ...] = ("binance",)

    def __str__(self) -> str:
        return f"{self.area}: {self.name}".replace(" ", "-")
