"""What one fetch asks for: one symbol on one exchange."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from candle_ingest.candles.symbol import Symbol
from candle_ingest.candles.window import Window


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

    @classmethod
    def of(cls, symbol: Symbol, exchange: str, market: dict[str, Any], window: Window, reread_before_ms: int) -> Self:
        """What a symbol wants of one exchange."""
        return cls(
            ticker=symbol.ticker,
            currency_pair=symbol.currency_pair,
            exchange=exchange,
            market=market,
            start_ms=window.start_ms,
            end_ms=window.end_ms,
            reread_before_ms=reread_before_ms,
        )

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


def batches(
    requests: Sequence[FetchRequest], most_instances: int, symbols_per_fetch: int = 1
) -> list[list[FetchRequest]]:
    """The requests of each mapped instance: `symbols_per_fetch` symbols of one exchange, more where they are too many.

    At most `most_instances`, and one for each exchange at least.
    """
    units: dict[tuple[str, str], list[FetchRequest]] = {}
    for request in requests:
        units.setdefault((request.exchange, request.currency_pair), []).append(request)
    if symbols_per_fetch == 1 and len(units) <= most_instances:
        return list(units.values())
    exchanges = sorted({exchange for exchange, _ in units})
    most_for_each = max(1, most_instances // len(exchanges))
    found: list[list[FetchRequest]] = []
    for exchange in exchanges:
        own = [unit for (name, _), unit in units.items() if name == exchange]
        size = max(symbols_per_fetch, -(-len(own) // most_for_each))
        found += [[r for unit in own[start : start + size] for r in unit] for start in range(0, len(own), size)]
    return found


def batch_label(batch: Sequence[FetchRequest]) -> str:
    """`BTC/USD @ kraken`, or `BTC/USD to XRP/USD (12 symbols) @ kraken`."""
    pairs = list(dict.fromkeys(request.currency_pair for request in batch))
    if len(pairs) == 1:
        return str(batch[0])
    return f"{pairs[0]} to {pairs[-1]} ({len(pairs)} symbols) @ {batch[0].exchange}"
