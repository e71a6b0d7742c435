"""The responses of an exchange as typed objects, which the checks receive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.trades import Trade

Market = dict[str, Any]
# What a fetch needs to know of a market.
MARKET_KEYS = ("id", "symbol", "base", "quote", "baseId", "quoteId", "active")


@dataclass(frozen=True, slots=True)
class ParsedRows:
    """The rows of one answer, ascending, as ccxt parses them, and the same rows as sent."""

    rows: Sequence[Sequence[Any]]
    sent_rows: Sequence[Any]


@dataclass(frozen=True, slots=True, eq=False)
class RowsAnswer:
    """The rows of one answer, ascending, unchecked.

    A row holds open time in ms, open, high, low, close and volume. `extras` has the values of EXTRA_FIELDS of each row,
    shape (n, 3), NaN for those that the exchange does not send. `made_ms`: when the exchange made the answer, by its
    own clock; None where it does not say. `unfinished_ms`: open times of the rows that the exchange flags as
    unfinished.
    """

    rows: Sequence[Sequence[object]]
    extras: NDArray[np.float64]
    made_ms: int | None
    unfinished_ms: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class TradesAnswer:
    """The trades of one answer in order of time. The next page holds what comes after `next_since_ns`."""

    trades: Sequence[Trade]
    next_since_ns: int
    made_ms: int | None


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """A response as it came, for checking what is known about the exchange.

    `rows` as in RowsAnswer; `sent_rows` are the same rows as sent, and `wire_rows` the rows of the JSON
    in the exchange's own order. `headers` have lower-case names.
    """

    rows: Sequence[Sequence[Any]]
    sent_rows: Sequence[Any]
    wire_rows: Sequence[Any]
    headers: Mapping[str, str]
