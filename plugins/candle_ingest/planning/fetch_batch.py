"""The input of one mapped fetch: some pairs of one exchange, by name only."""

import base64
import itertools
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from candle_ingest.candles.window import Window

Windows = tuple[Window, ...]
# The names of about sixty symbols. Shorter texts stay readable in Airflow's UI.
MAX_PLAIN_TEXT_LENGTH = 300
COMPRESSED = "zlib:"
# If there are too many symbols for one instance each: enough to run in parallel, few enough to start quickly.
INSTANCES_PER_EXCHANGE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchBatch:
    """Some pairs of one exchange.

    `markets` names the market (`BTC/USDT`) used for each pair; its details are in the cache of markets. `windows` says
    what to request if the plan has decided it; otherwise the fetch decides from the records. In dry runs, which may not
    write to the cache, `details` has the markets themselves. `first_ms` says where catch-up begins with a rate pair
    that has no record: no earlier than the pairs that it converts need.
    """

    exchange: str
    markets: Mapping[str, str]
    windows: Mapping[str, Windows] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    first_ms: Mapping[str, int] = field(default_factory=dict)

    @property
    def pairs(self) -> list[str]:
        """Return the currency pairs."""
        return list(self.markets)

    @property
    def label(self) -> str:
        """Return `BTC/USD @ kraken`, or `BTC/USD to XRP/USD (12 symbols) @ kraken`."""
        pairs = self.pairs
        names = pairs[0] if len(pairs) == 1 else f"{pairs[0]} to {pairs[-1]} ({len(pairs)} symbols)"
        return f"{names} @ {self.exchange}"

    def to_xcom(self) -> dict[str, Any]:
        """Return plain values, kept short for thousands of pairs: one string for each quote of their markets."""
        by_quotes: dict[str, list[str]] = {}
        for pair, market in self.markets.items():
            base, _, quote = pair.partition("/")
            by_quotes.setdefault(f"{quote} {market.partition('/')[2]}", []).append(base)
        bases = {quotes: _packed(" ".join(own)) for quotes, own in by_quotes.items()}
        values: dict[str, Any] = {"exchange": self.exchange, "bases": bases}
        if self.windows:
            values["windows"] = {pair: [[w.start_ms, w.end_ms] for w in own] for pair, own in self.windows.items()}
        optional = {"details": dict(self.details), "first_ms": dict(self.first_ms)}
        return {**values, **{name: content for name, content in optional.items() if content}}

    @classmethod
    def from_xcom(cls, values: Mapping[str, Any]) -> Self:
        """Return the batch that `to_xcom` was called on."""
        windows = {pair: tuple(Window(*w) for w in own) for pair, own in values.get("windows", {}).items()}
        return cls(
            exchange=values["exchange"],
            markets={
                f"{base}/{quote}": f"{base}/{of_market}"
                for (quote, of_market), bases in ((quotes.split(" "), text) for quotes, text in values["bases"].items())
                for base in _unpacked(bases).split()
            },
            windows=windows,
            details=values.get("details", {}),
            first_ms=values.get("first_ms", {}),
        )


def _packed(text: str) -> str:
    """Return the text, compressed if it is long."""
    if len(text) <= MAX_PLAIN_TEXT_LENGTH:
        return text
    return COMPRESSED + base64.b85encode(zlib.compress(text.encode(), 9)).decode()


def _unpacked(text: str) -> str:
    if not text.startswith(COMPRESSED):
        return text
    return zlib.decompress(base64.b85decode(text.removeprefix(COMPRESSED))).decode()


def split_batches(wanted: Sequence[FetchBatch], most_instances: int, symbols_per_fetch: int) -> list[FetchBatch]:
    """Return the batches of the mapped instances, each with at least `symbols_per_fetch` pairs of one exchange.

    `wanted` has one batch per exchange. Batches grow to keep their number within `most_instances`, but each exchange
    gets at least one. If one instance per pair would exceed that number, each exchange gets at most
    INSTANCES_PER_EXCHANGE.

    The exchanges take turns: Airflow starts instances in this order, and no exchange should wait while another one
    holds all slots of the pool.
    """
    total = sum(len(batch.markets) for batch in wanted)
    if symbols_per_fetch == 1 and total <= most_instances:
        size_of = dict.fromkeys((batch.exchange for batch in wanted), 1)
    else:
        most_for_each = max(1, most_instances // max(1, len(wanted)))
        most_for_each = min(most_for_each, INSTANCES_PER_EXCHANGE) if total > most_instances else most_for_each
        size_of = {b.exchange: max(symbols_per_fetch, -(-len(b.markets) // most_for_each)) for b in wanted}
    turns = itertools.zip_longest(*(_parts(batch, size_of[batch.exchange]) for batch in wanted))
    return [part for turn in turns for part in turn if part is not None]


def _parts(batch: FetchBatch, size: int) -> list[FetchBatch]:
    pairs = batch.pairs
    return [
        FetchBatch(
            exchange=batch.exchange,
            markets={pair: batch.markets[pair] for pair in chosen},
            windows={pair: batch.windows[pair] for pair in chosen if pair in batch.windows},
            details={pair: batch.details[pair] for pair in chosen if pair in batch.details},
            first_ms={pair: batch.first_ms[pair] for pair in chosen if pair in batch.first_ms},
        )
        for chosen in (pairs[start : start + size] for start in range(0, len(pairs), size))
    ]
