"""Candles from InfluxDB's CSV, where each field of each candle has a line of its own.

The csv module and a dict for each line take two microseconds: too long for the millions of lines that a merge
reads. Here the lines of a field are cut by two calls, which is ten times as fast.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.candles import EXTRA_FIELDS, FIELDS, Candles
from candle_ingest.store.bucket import csv_rows
from candle_ingest.store.flux import times_ms

HEADER = ",result,table,_time,_value,_field"
LINE_END = "\r\n"
# A field, and the texts of the times and the values of its points.
FieldTexts = tuple[str, list[str], list[str]]
Column = tuple[NDArray[np.int64], NDArray[np.float64]]


def candles_from_csv(body: str) -> Candles:
    """From an answer with the columns `_time` (RFC 3339), `_value` and `_field`, in any order of lines.

    Raises ValueError where a candle lacks one of FIELDS; those of EXTRA_FIELDS may be missing.
    """
    return candles_from_columns(read_columns(body))


def candles_from_columns(columns: Mapping[str, Column]) -> Candles:
    """As above, from times and values by field."""
    if not columns:
        return Candles.from_rows([])
    if not set(FIELDS) <= set(columns) <= {*FIELDS, *EXTRA_FIELDS}:
        raise ValueError(f"the answer has the fields {', '.join(sorted(columns))}")
    times = columns[FIELDS[0]][0]
    if not all(np.array_equal(times, columns[name][0]) for name in FIELDS):
        raise ValueError("some candles have not all of their fields")
    values = np.column_stack([columns[name][1] for name in FIELDS])
    return Candles(times, values, np.column_stack([column_at(times, columns.get(name)) for name in EXTRA_FIELDS]))


def column_at(times: NDArray[np.int64], column: Column | None) -> NDArray[np.float64]:
    """Return the values of a column at `times`, NaN where it has none.

    Raises ValueError where the column has a time that is not among `times`, which ascend.
    """
    values = np.full(len(times), np.nan)
    if column is None:
        return values
    own_times, own_values = column
    places = np.searchsorted(times, own_times)
    if len(places) and (places[-1] >= len(times) or not np.array_equal(times[places], own_times)):
        raise ValueError("a candle has some of its fields only")
    values[places] = own_values
    return values


def read_columns(body: str) -> dict[str, Column]:
    """Return times in ms, ascending, and values, by field."""
    lines = body.rstrip()
    if lines.startswith(HEADER) and '"' not in lines:
        try:
            return _columns(text for block in _blocks(lines) for text in _plain_texts(block))
        except ValueError:
            # Lines in another order than the server sends them today.
            pass
    return _columns(_any_texts(body))


def _blocks(lines: str) -> list[str]:
    """Split where the type of the values changes: there InfluxDB writes an empty line and the header again."""
    blocks = lines.split(LINE_END * 2)
    if not all(block.startswith(HEADER) for block in blocks):
        raise ValueError("not only tables of candles")
    return blocks


def _plain_texts(lines: str) -> Iterator[FieldTexts]:
    """One field after the other; each line is `,_result,<table>,<time>,<value>,<field>`."""
    start = len(HEADER) + len(LINE_END)
    while start < len(lines):
        _, result, table, _, _, field = lines[start : _end(lines, LINE_END, start)].split(",")
        before, after = f",{result},{table},", f",{field}"
        end = _end(lines, f"{LINE_END},{result},{int(table) + 1},", start)
        cells = lines[start + len(before) : end - len(after)].replace(after + LINE_END + before, ",").split(",")
        yield field, cells[::2], cells[1::2]
        start = end + len(LINE_END)


def _end(lines: str, text: str, start: int) -> int:
    """Where `text` comes next, or the end of all."""
    found = lines.find(text, start)
    return len(lines) if found < 0 else found


def _any_texts(body: str) -> Iterator[FieldTexts]:
    """As above, for any CSV; raises TemporaryError where the answer is an error."""
    rows = csv_rows(body)
    for field in {row["_field"] for row in rows}:
        own = [row for row in rows if row["_field"] == field]
        yield field, [row["_time"] for row in own], [row["_value"] for row in own]


def _columns(texts: Iterable[FieldTexts]) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    known_texts: list[str] = []
    known_ms = np.empty(0, np.int64)
    for field, times, values in texts:
        if field in columns:
            raise ValueError(f"the answer has the field {field} twice")
        # All fields of a candle share its time: most often one list need be read, not five.
        if times != known_texts:
            known_texts, known_ms = times, times_ms(times)
        order = np.argsort(known_ms, kind="stable")
        columns[field] = known_ms[order], np.array([*map(float, values)])[order]
    return columns
