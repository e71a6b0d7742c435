"""What one fetch asks for: one symbol on one exchange."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from candle_ingest.core.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """The candles of [start_ms, end_ms) of one market; those before `reread_before_ms` are asked for again."""

    ticker: str
    currency_pair: str
    exchange: str
    market: dict[str, Any]
    start_ms: int
    end_ms: int
    reread_before_ms: int

    @property
    def window(self) -> Window:
        """All that is wanted."""
        return Window(self.start_ms, self.end_ms)

    @property
    def reread(self) -> Window:
        """The part that is asked for again though it was answered before."""
        return self.window.intersection(Window(self.start_ms, max(self.start_ms, self.reread_before_ms)))

    def __str__(self) -> str:
        return f"{self.currency_pair} @ {self.exchange}"

    def to_dict(self) -> dict[str, Any]:
        """For XCom."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """From XCom."""
        return cls(**values)


def batches(requests: Sequence[FetchRequest], most_instances: int) -> list[list[FetchRequest]]:
    """One request an instance; several symbols of one exchange where there would be too many instances."""
    if len(requests) <= most_instances:
        return [[request] for request in requests]
    exchanges = sorted({request.exchange for request in requests})
    most_for_each = max(1, most_instances // len(exchanges))
    found: list[list[FetchRequest]] = []
    for exchange in exchanges:
        own = [request for request in requests if request.exchange == exchange]
        size = -(-len(own) // most_for_each)
        found += [own[start : start + size] for start in range(0, len(own), size)]
    return found


def batch_label(batch: Sequence[FetchRequest]) -> str:
    """`BTC/USD @ kraken`, or `BTC/USD to XRP/USD (12 symbols) @ kraken`."""
    if len(batch) == 1:
        return str(batch[0])
    return f"{batch[0].currency_pair} to {batch[-1].currency_pair} ({len(batch)} symbols) @ {batch[0].exchange}"
