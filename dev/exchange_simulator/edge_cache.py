"""The cache of a content delivery network before an exchange: responses by full address, with their age.

Cloudflare docs, Caching levels: "Standard (Default): Delivers a different resource each time the query string changes."
A client's own Cache-Control header changes nothing. Recorded (bbgo, 2025-08-18): candles of coinbaseexchange carry
`Cache-Control: public, max-age=300, must-revalidate`; a hit has an `Age`, and a fresh `Date`.
"""

from collections import OrderedDict

from dev.exchange_simulator.exchanges.base import Answer

_KEPT = 2000
Address = tuple[str, str, str]


class EdgeCache:
    """Responses by exchange, path and query string; times are ms on the simulated clock."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Address, tuple[int, Answer]] = OrderedDict()

    def find(self, address: Address, now_ms: int, max_age_seconds: int) -> Answer | None:
        """Return the cached response with its age; None if there is none recent enough."""
        kept = self._answers.get(address)
        if kept is None or not 0 <= now_ms - kept[0] < max_age_seconds * 1000:
            return None
        age = {"Age": str((now_ms - kept[0]) // 1000), "Cf-Cache-Status": "HIT"}
        return Answer(kept[1].body, kept[1].status, {**kept[1].headers, **age})

    def keep(self, address: Address, now_ms: int, answer: Answer, max_age_seconds: int) -> Answer:
        """Cache a sound response, and return it as the first client gets it."""
        if answer.status != 200:
            return Answer(answer.body, answer.status, {**answer.headers, "Cf-Cache-Status": "BYPASS"})
        control = {"Cache-Control": f"public, max-age={max_age_seconds}, must-revalidate", "Cf-Cache-Status": "MISS"}
        first = Answer(answer.body, answer.status, {**answer.headers, **control})
        self._answers[address] = (now_ms, first)
        self._answers.move_to_end(address)
        while len(self._answers) > _KEPT:
            self._answers.popitem(last=False)
        return first

    def clear(self) -> None:
        """Clear the cache."""
        self._answers.clear()
