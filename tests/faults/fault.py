"""A fault as data: what the tests inject and docs/development/reliability.md lists."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.world import World


class Outcome(Enum):
    """How a run ends while the fault lasts."""

    RETRIED = "fails; Airflow retries it"
    AT_ONCE = "fails at once"
    OPEN = "stores the rest, names what is open, and leaves it to repair"
    RECOVERED = "recovers within the run"
    UNAFFECTED = "continues"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault. `switch_on` breaks something until the end of its block.

    The log or the error must match the regular expression `says`. `outcome_once` is the outcome if the fault hits only
    one request; None if it cannot be limited to one. The fault is tried on each of the `exchanges`.
    """

    area: str
    name: str
    injected: str
    switch_on: Callable[[World, int | None], AbstractContextManager[object]]
    outcome: Outcome
    says: str
    outcome_once: Outcome | None = None
    exchanges: tuple[str, ...] = ("binance",)

    def __str__(self) -> str:
        return f"{self.area}: {self.name}".replace(" ", "-")
