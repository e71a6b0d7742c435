"""Read rows as exchanges send them, including what ccxt drops.

ccxt parses open time, OHLC and base volume. The same rows hold quote volume, trade count and taker volume, and whether
a candle is finished. These are read here, by the columns in the exchange's profile.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from candle_ingest.exchanges.answers import RowsAnswer
from candle_ingest.exchanges.profiles import ExchangeProfile, WireColumns

VOLUME = 5


def read_rows(parsed: Sequence[tuple[Sequence[Any], Any]], profile: ExchangeProfile, made_ms: int | None) -> RowsAnswer:
    """Return the response made of pairs: a row as ccxt parses it, and the same row as sent."""
    columns = profile.wire_columns
    if columns is None:
        return RowsAnswer([row for row, _ in parsed], made_ms)
    rows = [[*row, *read_extras(row, sent, columns)] for row, sent in parsed]
    return RowsAnswer(rows, made_ms, _unfinished(parsed, columns))


def read_extras(row: Sequence[Any], sent: Any, columns: WireColumns) -> tuple[float, float, float]:
    """Return quote volume, trade count and taker buy volume, NaN where the exchange does not send one."""
    quote_volume = _number(sent, columns.quote_volume)
    if columns.vwap is not None and isinstance(row[VOLUME], float | int):
        quote_volume = _number(sent, columns.vwap) * row[VOLUME]
    return quote_volume, _number(sent, columns.trade_count), _number(sent, columns.taker_buy_volume)


def _number(sent: Any, column: int | str | None) -> float:
    if column is None:
        return math.nan
    try:
        return float(sent[column])
    except (TypeError, ValueError, KeyError, IndexError, OverflowError):
        return math.nan


def _unfinished(parsed: Sequence[tuple[Sequence[Any], Any]], columns: WireColumns) -> frozenset[int]:
    """Return the open times in ms of the rows that are flagged as unfinished."""
    if columns.unfinished is None:
        return frozenset()
    column, flag = columns.unfinished
    return frozenset(row[0] for row, sent in parsed if read_flag(sent, column) == flag and isinstance(row[0], int))


def read_flag(sent: Any, column: int) -> str:
    """Return a flag as text, whether it was sent as "0", "false" or false."""
    if isinstance(sent, Mapping) or not isinstance(sent, Sequence) or len(sent) <= column:
        return ""
    return str(sent[column]).lower()
