"""Parse candles from InfluxDB's CSV, which has one line per field and candle.

A merge reads millions of lines, for which the csv module and one dict per line are too slow.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from candle_ingest.candles.candles import EXTRA_FIELDS, FIELDS, Candles
from candle_ingest.candles.window import NS_PER_MS
from candle_ingest.store.bucket import NO_TABLE, InfluxTemporaryError, csv_rows

# Where the type of the values changes, InfluxDB writes an empty line and the header again.
BLOCK_END = "\r\n\r\n"
TEXT = pa.dictionary(pa.int32(), pa.string())
TYPES = {"_time": pa.timestamp("ns", "UTC"), "_value": pa.float64()}
FIELD, PAIR, EXCHANGE = "_field", "currency_pair", "exchange"
# The times of a field's points in ms, ascending, and their values.
Column = tuple[NDArray[np.int64], NDArray[np.float64]]


def candles_from_csv(body: str) -> Candles:
    """Return the candles of a response with the columns `_time` (RFC 3339), `_value` and `_field`, in any order.

    Raises ValueError if a candle lacks one of FIELDS; those of EXTRA_FIELDS may be missing.
    """
    return candles_from_columns(read_columns(body))


def candles_from_columns(columns: Mapping[str, Column]) -> Candles:
    """Return the candles from times and values by field; raises as `candles_from_csv` does."""
    if not columns:
        return Candles.from_rows([])
    if not set(FIELDS) <= set(columns) <= {*FIELDS, *EXTRA_FIELDS}:
        raise ValueError(f"the answer has the fields {', '.join(sorted(columns))}")
    times = columns[FIELDS[0]][0]
    if not all(np.array_equal(times, columns[name][0]) for name in FIELDS):
        raise ValueError("some candles lack some of their fields")
    values = np.column_stack([columns[name][1] for name in FIELDS])
    return Candles(times, values, np.column_stack([column_at(times, columns.get(name)) for name in EXTRA_FIELDS]))


def column_at(times: NDArray[np.int64], column: Column | None) -> NDArray[np.float64]:
    """Return the values of a column at `times`, NaN where it has none.

    Raises ValueError if the column has a time that is not in `times`, which ascend.
    """
    values = np.full(len(times), np.nan)
    if column is None:
        return values
    own_times, own_values = column
    places = np.searchsorted(times, own_times)
    if len(places) and (places[-1] >= len(times) or not np.array_equal(times[places], own_times)):
        raise ValueError("a candle has only some of its fields")
    values[places] = own_values
    return values


def read_columns(body: str) -> dict[str, Column]:
    """Return the points of each field, from a response with `_time`, `_value` and `_field`, in any order.

    Raises InfluxTemporaryError if the response is an error, or lacks one of these columns; ValueError for a value that
    is not a number.
    """
    return {field: column for (field,), column in _points(body, [FIELD]).items()}


def read_series(body: str) -> dict[tuple[str, str], dict[str, Column]]:
    """Return the points of each field by pair and exchange; raises as `read_columns` does."""
    series: dict[tuple[str, str], dict[str, Column]] = {}
    for (pair, exchange, field), column in _points(body, [PAIR, EXCHANGE, FIELD]).items():
        series.setdefault((pair, exchange), {})[field] = column
    return series


def _points(body: str, keys: Sequence[str]) -> dict[tuple[str, ...], Column]:
    blocks = [block for block in body.strip().split(BLOCK_END) if block]
    try:
        tables = [_read(block, keys) for block in blocks]
    except (pa.ArrowInvalid, KeyError) as error:
        _check_numbers(csv_rows(body))  # raises InfluxDB's own error if the response holds one
        raise InfluxTemporaryError(f"{NO_TABLE} ({error})") from error
    return _grouped(pa.concat_tables(tables), keys) if tables else {}


def _check_numbers(rows: list[dict[str, str]]) -> None:
    for row in rows:
        try:
            float(row.get("_value", "0"))
        except ValueError:
            place = f"{row.get(FIELD)} at {row.get('_time')}"
            raise ValueError(f"the field {place} holds {row['_value'][:50]!r}, which is not a number") from None


def _read(block: str, keys: Sequence[str]) -> Any:
    types = {**TYPES, **dict.fromkeys(keys, TEXT)}
    # Missing values have no text of their own: an empty text is an error.
    options = csv.ConvertOptions(include_columns=list(types), column_types=types, null_values=[])
    # The line end is needed if the header is the only line.
    rows = pa.BufferReader(f"{block}\r\n".encode())
    # Threads of Arrow that still run when a process ends can abort it, or let it hang (apache/arrow #34314, #50482).
    return csv.read_csv(rows, read_options=csv.ReadOptions(use_threads=False), convert_options=options)


def _grouped(table: Any, keys: Sequence[str]) -> dict[tuple[str, ...], Column]:
    """Return the points of each combination of the texts in the columns `keys`."""
    texts = [table[key].unify_dictionaries().combine_chunks() for key in keys]
    codes = [_as_numpy(text.indices) for text in texts]
    times = _as_numpy(table["_time"].combine_chunks().view(pa.int64())) // NS_PER_MS
    values = _as_numpy(table["_value"].combine_chunks())
    order = np.lexsort((times, *codes))
    borders = np.flatnonzero(np.logical_or.reduce([np.diff(code[order]) for code in codes])) + 1
    columns = {}
    for places in np.split(order, borders) if len(order) else ():
        key = tuple(text[int(places[0])].as_py() for text in texts)
        columns[key] = times[places], values[places]
    return columns


def _as_numpy(array: Any) -> NDArray[Any]:
    """Return the values of an Arrow array. Its own to_numpy imports pandas first, for 0.3 s of each task."""
    return np.from_dlpack(array)
