"""Report which columns of exported candles have empty cells, and why."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.graded import GradedCandles
from candle_ingest.exchanges.profiles import WireColumns, exchange_profile
from candle_ingest.plurals import counted, inflected

# What an exchange must send for each column.
NEEDED = {"vwap": "quote volume", "trade_count": "number of trades"}


class EmptyColumns:
    """Counts the empty cells of a stream of candles; `legs` are the quotes that may replace the pair's own."""

    def __init__(self, legs: Collection[str]) -> None:
        self._legs = legs
        self._empty: Counter[str] = Counter()
        self._candles = 0
        self._exchanges: dict[str, set[str]] = {name: set() for name in NEEDED}

    def watch(self, parts: Iterable[GradedCandles]) -> Iterator[GradedCandles]:
        """Yield the parts, and count their empty cells."""
        for part in parts:
            self._candles += len(part)
            for name, values in part.merged.columns.items():
                self._count(name, np.isnan(values), part)
            for leg in self._legs:
                rates = part.quality.rates.get(leg)
                self._empty[f"rate_{leg.lower()}"] += len(part) if rates is None else int(np.isnan(rates).sum())
            yield part

    def _count(self, name: str, empty: NDArray[np.bool_], part: GradedCandles) -> None:
        self._empty[name] += int(empty.sum())
        sources = set(compress(part.merged.source_exchanges, empty.tolist()))
        self._exchanges[name].update(exchange for names in sources for exchange in names.split(","))

    def sentence(self) -> str:
        """Return each column with empty cells and the reason; empty if there is none."""
        parts = [
            f"{name} in {count:,} of {counted(self._candles, 'candle')} ({self._reason(name)})"
            for name, count in self._empty.items()
            if count
        ]
        return f"Empty cells: {'; '.join(parts)}" if parts else ""

    def _reason(self, name: str) -> str:
        if name not in NEEDED:
            return "no exchange needed the rate there, or there was none: see the column excluded"
        silent = sorted(exchange for exchange in self._exchanges[name] if not _sends(exchange, name))
        if silent:
            return f"{', '.join(silent)} {inflected(len(silent), 'sends', 'send')} no {NEEDED[name]}"
        return f"there were no trades, or an exchange sent no {NEEDED[name]} that can be trusted"


def _sends(exchange: str, column: str) -> bool:
    """Tell whether the rows of the exchange have what the column is computed from."""
    columns = exchange_profile(exchange).wire_columns or WireColumns()
    places = (columns.quote_volume, columns.vwap) if column == "vwap" else (columns.trade_count,)
    return any(place is not None for place in places)
