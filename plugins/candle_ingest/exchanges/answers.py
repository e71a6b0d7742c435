"""What an exchange answers, typed: the checks get these handed in, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from candle_ingest.candles.trades import Trade

Market = dict[str, Any]
# What a fetch needs to know of a market.
MARKET_KEYS = ("id", "symbol", "base", "quote", "baseId", "quoteId", "active")


@dataclass(frozen=True, slots=True)
class RowsAnswer:
    """The rows of one answer, ascending, as (open_time_ms, open, high, low, close, volume), unchecked.

    `made_ms`: when the exchange made the answer, by its own clock; None where it does not say.
    """

    rows: Sequence[Sequence[object]]
    made_ms: int | None


@dataclass(frozen=True, slots=True)
class TradesAnswer:
    """The trades of one answer in order of time. The next page holds what comes after `next_since_ns`."""

    trades: Sequence[Trade]
    next_since_ns: int
    made_ms: int | None


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer as it came, for checks of what is known of the exchange.

    `rows` as in RowsAnswer; `wire_rows` are the rows of the JSON in the exchange's own shape and order, and `headers`
    have lower-case names.
    """

    rows: Sequence[Sequence[Any]]
    wire_rows: Sequence[Any]
    headers: Mapping[str, str]
