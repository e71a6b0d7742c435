"""Log the requests and their outcomes."""

import json
from collections import Counter, deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request. `outcome` is accepted, rejected (over the limit, or by the exchange) or faulted."""

    time_ms: int
    exchange: str
    path: str
    template: str
    query: dict[str, str]
    status: int
    outcome: str
    fault: str | None
    milliseconds: float


class RequestLog:
    """Counts of all requests, details of the last 20,000, and a line of JSON for each in a file if given."""

    def __init__(self, file: Path | None = None) -> None:
        self._file: TextIO | None = file.open("a", encoding="utf-8") if file else None
        self.reset()

    def reset(self) -> None:
        """Clear everything except the file."""
        self._counts: dict[str, dict[str, Counter[str]]] = {}
        self._requests: deque[LoggedRequest] = deque(maxlen=_KEPT)

    def add(self, request: LoggedRequest) -> None:
        """Count a request and keep its details."""
        counter = self._counts.setdefault(request.exchange, {}).setdefault(request.template, Counter())
        counter[request.outcome] += 1
        self._requests.append(request)
        if self._file:
            self._file.write(json.dumps(asdict(request)) + "\n")
            self._file.flush()

    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return, by exchange and path template: total, accepted, rejected, faulted."""
        names = ("accepted", "rejected", "faulted")
        return {
            exchange: {
                template: {"total": counter.total(), **{name: counter[name] for name in names}}
                for template, counter in paths.items()
            }
            for exchange, paths in self._counts.items()
        }

    def details(self) -> list[dict[str, Any]]:
        """Return the last requests, oldest first."""
        return [asdict(request) for request in self._requests]

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
