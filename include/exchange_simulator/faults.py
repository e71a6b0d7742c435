"""Faults that are switched on for one exchange: what goes wrong, where, and how often."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from include.exchange_simulator.markets import EXCHANGES
from include.exchange_simulator.mutations import MUTATIONS

KINDS = frozenset({"status", "delay", "reset", "truncate", "body", "empty"}) | MUTATIONS
_BODIES = {
    "html": "<html><body><h1>Just a moment...</h1></body></html>",
    "empty": "",
    "json": '{"unexpected": true}',
}

_TYPES: dict[str, tuple[type, ...]] = {
    "count": (int,), "status": (int,), "seconds": (float, int), "path": (str,), "body": (str,), "headers": (dict,),
}  # fmt: skip


class FaultError(ValueError):
    """The description of a fault makes no sense; the text says why. For who sent it."""


@dataclass(slots=True)
class Fault:
    """One fault. `count` is how many more requests it hits, None for all until it is cleared.

    `path` limits it to paths that contain this text. `status` and `headers` belong to kind status, `seconds`
    to delay, `body` (text, or html, empty, json) to status and body, `when` (before or middle) to reset.
    """

    exchange: str
    kind: str
    count: int | None = None
    path: str = ""
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    seconds: float = 1.0
    when: str = "before"
    hits: int = 0

    def text(self) -> str | None:
        """The body to send, or None when none was given."""
        return None if self.body is None else _BODIES.get(self.body, self.body)


def parse_fault(description: Any) -> Fault:
    """A fault from its JSON object; FaultError names what is wrong."""
    if not isinstance(description, dict):
        raise FaultError("a fault is a JSON object with exchange and kind")
    known = set(Fault.__slots__) - {"hits"}
    unknown = set(description) - known
    if unknown:
        raise FaultError(f"unknown {', '.join(sorted(unknown))}; a fault has {', '.join(sorted(known))}")
    if description.get("exchange") not in EXCHANGES:
        raise FaultError(f"exchange {description.get('exchange')!r}: one of {', '.join(EXCHANGES)}")
    if description.get("kind") not in KINDS:
        raise FaultError(f"kind {description.get('kind')!r}: one of {', '.join(sorted(KINDS))}")
    if description.get("when", "before") not in ("before", "middle"):
        raise FaultError("when: before or middle")
    if description["kind"] == "body" and not isinstance(description.get("body"), str):
        raise FaultError("kind body needs a body: html, empty, json or any text")
    for name, kinds in _TYPES.items():
        value = description.get(name)
        if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
            raise FaultError(f"{name}: {value!r} is no {kinds[0].__name__}")
    return Fault(**description)


class FaultList:
    """The faults in force, oldest first; the first that fits a request hits it."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def take(self, exchange: str, path: str) -> Fault | None:
        """The fault that hits this request, counted down."""
        for fault in self.faults:
            if fault.exchange == exchange and fault.path in path and fault.count != 0:
                fault.hits += 1
                if fault.count is not None:
                    fault.count -= 1
                return fault
        return None
