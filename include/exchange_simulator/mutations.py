"""Candle rows made wrong on purpose, in the shape in which an exchange sends them."""

from collections.abc import Callable
from typing import Any

Columns = dict[str, Any]
WireRows = list[Any]
_Change = Callable[[Any, Columns], None]


def _put(row: Any, columns: Columns, name: str, value: object) -> None:
    """Write a value as the exchange writes it: text where it sends text."""
    if isinstance(row[columns[name]], str) and value is not None:
        value = str(value)
    row[columns[name]] = value


def _null(row: Any, columns: Columns) -> None:
    _put(row, columns, "close", None)


def _nan(row: Any, columns: Columns) -> None:
    # As text also where numbers are sent: JSON has no NaN, and ccxt drops a whole body that holds one.
    row[columns["close"]] = "NaN"


def _negative(row: Any, columns: Columns) -> None:
    _put(row, columns, "low", -float(row[columns["low"]]))


def _high_below_low(row: Any, columns: Columns) -> None:
    _put(row, columns, "high", float(row[columns["low"]]) * 0.5)


def _off_grid(row: Any, columns: Columns) -> None:
    _put(row, columns, "time", int(row[columns["time"]]) + (7_000 if columns["milliseconds"] else 7))


def _other_unit(row: Any, columns: Columns) -> None:
    time = int(row[columns["time"]])
    _put(row, columns, "time", time // 1000 if columns["milliseconds"] else time * 1000)


_ONE_ROW: dict[str, _Change] = {
    "null": _null,
    "nan": _nan,
    "negative": _negative,
    "high_below_low": _high_below_low,
    "off_grid": _off_grid,
}


def _duplicate(rows: WireRows) -> WireRows:
    middle = len(rows) // 2
    return rows[: middle + 1] + rows[middle:]


def _unsorted(rows: WireRows) -> WireRows:
    return rows[1::2] + rows[::2]


_ALL_ROWS: dict[str, Callable[[WireRows], WireRows]] = {"duplicate": _duplicate, "unsorted": _unsorted}
MUTATIONS = frozenset({*_ONE_ROW, *_ALL_ROWS, "seconds_timestamps"})


def mutate(rows: WireRows, columns: Columns, kind: str) -> WireRows:
    """Rows with one fault: in the middle row, or in all times (`seconds_timestamps`), or in their order.

    `seconds_timestamps` is the wrong unit: seconds where the exchange sends ms, and the other way round.
    """
    if not rows:
        return rows
    if kind in _ALL_ROWS:
        return _ALL_ROWS[kind](rows)
    for row in rows if kind == "seconds_timestamps" else [rows[len(rows) // 2]]:
        (_other_unit if kind == "seconds_timestamps" else _ONE_ROW[kind])(row, columns)
    return rows
