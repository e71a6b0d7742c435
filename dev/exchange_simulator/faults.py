"""Faults that can be switched on for one exchange: what goes wrong, where, and how often."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from dev.exchange_simulator.error_answers import error_names, find_error
from dev.exchange_simulator.false_facts import FACTS
from dev.exchange_simulator.markets import EXCHANGES
from dev.exchange_simulator.mutations import MUTATIONS

_REQUEST_KINDS = (
    *("status", "delay", "reset", "truncate", "body", "empty", "stale", "gone", "halted", "huge", "drip"),
    *("error", "dark_pools", "zero_ids", "false_fact", "aged"),
)
KINDS = frozenset({*_REQUEST_KINDS, *MUTATIONS})
_BODIES = {
    "html": "<html><body><h1>Just a moment...</h1></body></html>",
    "empty": "",
    "json": '{"unexpected": true}',
}

_TYPES: dict[str, tuple[type, ...]] = {
    "count": (int,),
    "status": (int,),
    "seconds": (float, int),
    "path": (str,),
    "body": (str,),
    "headers": (dict,),
    "market": (str,),
    "error": (str,),
    "fact": (str,),
    "megabytes": (int,),
    "compressed": (bool,),
    "from_ms": (int,),
    "until_ms": (int,),
    "chance": (float, int),
    "seed": (int,),
}


class FaultError(ValueError):
    """The description of a fault is wrong; the message says why, for its sender."""


@dataclass(slots=True)
class Fault:
    """One fault. `count` is how many more requests it hits, None for all until it is cleared.

    It applies from `from_ms` until `until_ms` on the simulated clock (ms UTC; None: no such end), to each request with
    the probability `chance`, drawn from `seed`.
    `path` limits it to paths that contain this text. `status` and `headers` belong to kind status, `seconds` to delay,
    aged and drip, `body` (text, or html, empty, json) to status and body, `when` to reset (before or middle) and drip,
    `market` (BTC/USDT) to gone and halted, `megabytes` and `compressed` to huge.

    error: the exchange's own response of that name, such as 10016 of bybit (error_answers.py). dark_pools: kraken's
    market list contains them. zero_ids: all ids of kraken's trades are 0. false_fact: the exchange deviates from the
    `fact`, one of false_facts.FACTS. aged: a cached response from `seconds` ago, with that `Age`. stale: the previous
    response of the same path. gone: the exchange has no such market. halted: the market is listed but not traded now;
    its candles are served. huge: a body of `megabytes`. drip: a byte every `seconds`, in the head (before), in the
    body (middle), or in the line that begins a chunk (chunk).
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
    market: str = ""
    error: str = ""
    fact: str = ""
    megabytes: int = 200
    compressed: bool = False
    from_ms: int | None = None
    until_ms: int | None = None
    chance: float = 1.0
    seed: int = 0
    hits: int = 0
    draws: int = 0

    def applies_to(self, exchange: str, path: str, now_ms: int) -> bool:
        """Return whether the fault applies to the request, before chance decides."""
        after = self.from_ms is None or now_ms >= self.from_ms
        before = self.until_ms is None or now_ms < self.until_ms
        return self.exchange == exchange and self.path in path and self.count != 0 and after and before

    def is_drawn(self) -> bool:
        """Draw whether the fault hits this request; a seed always gives the same draws."""
        self.draws += 1
        return self.chance >= 1 or Random(f"{self.seed}:{self.draws}").random() < self.chance  # noqa: S311 - no secret

    def text(self) -> str | None:
        """Return the body to send; None if none was given."""
        return None if self.body is None else _BODIES.get(self.body, self.body)


def _whens(kind: object) -> tuple[str, ...]:
    return ("before", "middle", "chunk") if kind == "drip" else ("before", "middle")


def _problem(description: dict[str, Any]) -> str | None:
    """Return what is wrong with the description of a fault, in words."""
    known = set(Fault.__slots__) - {"hits", "draws"}
    unknown = set(description) - known
    kind, exchange = description.get("kind"), description.get("exchange")
    problems = (
        (bool(unknown), f"unknown {', '.join(sorted(unknown))}; a fault has {', '.join(sorted(known))}"),
        (exchange not in EXCHANGES, f"exchange {exchange!r}: one of {', '.join(EXCHANGES)}"),
        (kind not in KINDS, f"kind {kind!r}: one of {', '.join(sorted(KINDS))}"),
        (description.get("when", "before") not in _whens(kind), f"when of {kind}: one of {', '.join(_whens(kind))}"),
        (
            kind == "error"
            and (exchange not in EXCHANGES or find_error(exchange, description.get("error", "")) is None),
            f"error of {exchange}: one of {', '.join(error_names(str(exchange)))}",
        ),
        (kind == "false_fact" and description.get("fact") not in FACTS, f"fact: one of {', '.join(FACTS)}"),
        (kind in ("gone", "halted") and not description.get("market"), f"kind {kind} needs a market such as BTC/USDT"),
        (
            kind == "body" and "body" not in description,
            "kind body needs a body: html, empty, json or any text",
        ),
    )
    return next((text for wrong, text in problems if wrong), None)


def parse_fault(description: Any) -> Fault:
    """Return a fault from its JSON object. Raises FaultError that names what is wrong."""
    if not isinstance(description, dict):
        raise FaultError("a fault is a JSON object with exchange and kind")
    problem = _problem(description)
    if problem:
        raise FaultError(problem)
    for name, kinds in _TYPES.items():
        value = description.get(name)
        if value is not None and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)):
            raise FaultError(f"{name}: {value!r} is not a value of type {kinds[0].__name__}")
    return Fault(**description)


class FaultList:
    """The active faults, oldest first; the first that applies to a request hits it."""

    def __init__(self) -> None:
        self.active: list[Fault] = []

    def take(self, exchange: str, path: str, now_ms: int) -> Fault | None:
        """Return the fault to apply to this request, and count it down."""
        for fault in self.active:
            if fault.applies_to(exchange, path, now_ms) and fault.is_drawn():
                fault.hits += 1
                if fault.count is not None:
                    fault.count -= 1
                return fault
        return None
