"""Candles, stored by column."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

FIELDS = ("open", "high", "low", "close", "volume")
# What some exchanges send with each candle: volume in quote units, number of trades, base volume bought by takers.
EXTRA_FIELDS = ("quote_volume", "trade_count", "taker_buy_volume")


def no_extras(count: int = 0) -> NDArray[np.float64]:
    """Return the extras of candles that have none: NaN, shape (count, 3)."""
    return np.full((count, len(EXTRA_FIELDS)), np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Candles in ascending order of time, without duplicates.

    `open_time_ms` has shape (n,); `ohlcv` has shape (n, 5) in the order of FIELDS, volume in base units. `extras` has
    shape (n, 3) in the order of EXTRA_FIELDS, NaN for values that the exchange does not serve; all NaN by default.
    """

    open_time_ms: NDArray[np.int64]
    ohlcv: NDArray[np.float64]
    extras: NDArray[np.float64] = field(default_factory=no_extras)

    def __post_init__(self) -> None:
        if len(self.extras) != len(self.open_time_ms):
            if self.extras.size:
                raise ValueError(f"{len(self.extras)} rows of extras for {len(self.open_time_ms)} candles")
            object.__setattr__(self, "extras", no_extras(len(self.open_time_ms)))

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[float]]) -> Self:
        """Return candles from checked rows of (open_time_ms, open, high, low, close, volume), ascending.

        The values of EXTRA_FIELDS may follow in each row, NaN for those that are not served.
        """
        times = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
        values = np.array([row[1:6] for row in rows], dtype=np.float64).reshape(-1, 5)
        extras = np.array([row[6:9] for row in rows], dtype=np.float64).reshape(-1, len(EXTRA_FIELDS))
        return cls(times, values, extras)

    @classmethod
    def concatenate(cls, parts: Sequence["Candles"]) -> Self:
        """Join sets of candles that do not overlap, given in any order."""
        if not parts:
            return cls.from_rows([])
        times = np.concatenate([part.open_time_ms for part in parts])
        order = np.argsort(times, kind="stable")
        values, extras = (np.concatenate(own) for own in zip(*((p.ohlcv, p.extras) for p in parts), strict=True))
        return cls(times[order], values[order], extras[order])

    def __len__(self) -> int:
        return len(self.open_time_ms)

    def between(self, start_ms: int, end_ms: int) -> "Candles":
        """Return the candles that open at `start_ms` or later and before `end_ms`."""
        first, last = np.searchsorted(self.open_time_ms, [start_ms, end_ms])
        return self.select(slice(first, last))

    def select(self, which: slice | NDArray[np.bool_]) -> "Candles":
        """Return the candles selected by a slice or a mask."""
        return Candles(self.open_time_ms[which], self.ohlcv[which], self.extras[which])

    def extra_column(self, name: str) -> NDArray[np.float64]:
        """Return one of EXTRA_FIELDS, shape (n,), NaN for values that are not served."""
        column: NDArray[np.float64] = self.extras[:, EXTRA_FIELDS.index(name)]
        return column

    @property
    def extra_columns(self) -> dict[str, NDArray[np.float64]]:
        """Return the columns of EXTRA_FIELDS by their names, NaN where one is not served."""
        return dict(zip(EXTRA_FIELDS, self.extras.T, strict=True))

    def traded_ms(self) -> NDArray[np.int64]:
        """Return the open times of the candles with volume."""
        return self.open_time_ms[self.ohlcv[:, FIELDS.index("volume")] > 0]

    def rows(self) -> list[tuple[int, float, float, float, float, float]]:
        """Return rows of (open_time_ms, open, high, low, close, volume)."""
        return [(time, *values) for time, values in zip(self.open_time_ms.tolist(), self.ohlcv.tolist(), strict=True)]
