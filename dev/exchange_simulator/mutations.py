"""Candle rows made wrong on purpose, in the format in which an exchange sends them."""

import copy
from collections.abc import Callable
from typing import Any

Columns = dict[str, Any]
WireRows = list[Any]
_Change = Callable[[Any, Columns], None]
_DAY_MS = 86_400_000
_MINUTE_MS = 60_000
_EARLIER_ROWS = 20


def _put(row: Any, columns: Columns, name: str, value: object) -> None:
    """Write a value as the exchange writes it: text where it sends text."""
    if isinstance(row[columns[name]], str) and value is not None:
        value = str(value)
    row[columns[name]] = value


def _null(row: Any, columns: Columns) -> None:
    _put(row, columns, "close", None)


def _nan(row: Any, columns: Columns) -> None:
    # As text even where numbers are sent: JSON has no NaN, and ccxt drops a whole body that contains one.
    row[columns["close"]] = "NaN"


def _infinity(row: Any, columns: Columns) -> None:
    row[columns["high"]] = "Infinity"


def _zero(row: Any, columns: Columns) -> None:
    _put(row, columns, "low", 0.0)


def _null_row(row: Any, columns: Columns) -> None:
    for name, place in columns.items():
        if name != "milliseconds":
            row[place] = None


def _outside(row: Any, columns: Columns) -> None:
    _put(row, columns, "time", int(row[columns["time"]]) - (_DAY_MS if columns["milliseconds"] else _DAY_MS // 1000))


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
    "null_row": _null_row,
    "nan": _nan,
    "infinity": _infinity,
    "zero": _zero,
    "negative": _negative,
    "high_below_low": _high_below_low,
    "off_grid": _off_grid,
    "outside": _outside,
}


def _duplicate(rows: WireRows, columns: Columns) -> WireRows:
    middle = len(rows) // 2
    return rows[: middle + 1] + rows[middle:]


def _contradiction(rows: WireRows, columns: Columns) -> WireRows:
    """Return the middle row twice, first with twice the volume: the last one is right, as recorded for bitstamp."""
    middle = len(rows) // 2
    other = copy.copy(rows[middle])
    _put(other, columns, "volume", 2 * float(other[columns["volume"]]) + 1)
    return [*rows[:middle], other, *rows[middle:]]


def _unsorted(rows: WireRows, columns: Columns) -> WireRows:
    return rows[1::2] + rows[::2]


def _newest(rows: WireRows, columns: Columns) -> int:
    times = [int(row[columns["time"]]) for row in rows]
    return times.index(max(times))


def _open_candle(rows: WireRows, columns: Columns) -> WireRows:
    """Return one candle more than was requested: the one in progress."""
    place = _newest(rows, columns)
    extra = copy.copy(rows[place])
    minute = _MINUTE_MS if columns["milliseconds"] else _MINUTE_MS // 1000
    _put(extra, columns, "time", int(extra[columns["time"]]) + minute)
    return [*rows, extra] if place else [extra, *rows]


def _earlier(rows: WireRows, columns: Columns) -> WireRows:
    """Return more candles than were requested: some before the first, with its values."""
    times = [int(row[columns["time"]]) for row in rows]
    place = times.index(min(times))
    minute = _MINUTE_MS if columns["milliseconds"] else _MINUTE_MS // 1000
    more = [copy.copy(rows[place]) for _ in range(_EARLIER_ROWS)]
    for number, row in enumerate(more, 1):
        _put(row, columns, "time", times[place] - number * minute)
    return [*rows, *more] if place else [*more[::-1], *rows]


def _unfinished(rows: WireRows, columns: Columns) -> WireRows:
    """Return the newest candle as it was before all of its trades had happened."""
    row = rows[_newest(rows, columns)]
    _put(row, columns, "volume", float(row[columns["volume"]]) / 2)
    return rows


_ALL_ROWS: dict[str, Callable[[WireRows, Columns], WireRows]] = {
    "duplicate": _duplicate,
    "contradiction": _contradiction,
    "unsorted": _unsorted,
    "open_candle": _open_candle,
    "earlier": _earlier,
    "unfinished": _unfinished,
}
# What can be wrong with a single row.
ROW_MUTATIONS = tuple(_ONE_ROW)
MUTATIONS = frozenset({*_ONE_ROW, *_ALL_ROWS, "seconds_timestamps"})


def mutate_row(row: Any, columns: Columns, kind: str) -> None:
    """Make one row wrong, in place; `kind` is one of ROW_MUTATIONS."""
    _ONE_ROW[kind](row, columns)


def wrong_twin(row: Any, columns: Columns) -> Any:
    """Return a row with the same time and another close and volume."""
    twin = copy.copy(row)
    _put(twin, columns, "close", twin[columns["low"]])
    _put(twin, columns, "volume", 2 * float(twin[columns["volume"]]) + 1)
    return twin


def mutate(rows: WireRows, columns: Columns, kind: str) -> WireRows:
    """Return rows with one fault: in the middle row, all times (`seconds_timestamps`), their order, or their end.

    `seconds_timestamps` is the wrong unit: seconds if the exchange sends ms, and vice versa.
    """
    if not rows:
        return rows
    if kind in _ALL_ROWS:
        return _ALL_ROWS[kind](rows, columns)
    for row in rows if kind == "seconds_timestamps" else [rows[len(rows) // 2]]:
        (_other_unit if kind == "seconds_timestamps" else _ONE_ROW[kind])(row, columns)
    return rows
