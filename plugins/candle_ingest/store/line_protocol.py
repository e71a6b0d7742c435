"""Write InfluxDB's line protocol: escaping, and the lines of candles.

Source: InfluxDB OSS v2 reference, "Line protocol", special characters. Tests compare it with what the client library's
`Point` writes; `Point` itself takes more than a hundred times the CPU.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import orjson
from numpy.typing import NDArray

from candle_ingest.candles.candles import Candles

CANDLES_AT_A_TIME = 5_000
INTEGER_FIELDS = frozenset({"trade_count"})
# How orjson writes NaN.
NOT_SERVED = "null"

_TAG = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\n", "\t": r"\t", "\r": r"\r"})
_FIELD = str.maketrans({'"': r"\"", "\\": r"\\"})


def escaped_tag(text: str) -> str:
    """Return a tag value, escaped."""
    escaped = text.translate(_TAG)
    # A backslash at the end would escape what follows the value.
    return escaped + " " if escaped.endswith("\\") else escaped


def escaped_field(text: str) -> str:
    """Return a string field, escaped, without its quotes."""
    return text.translate(_FIELD)


def candle_lines(series: str, candles: Candles, further: Iterable[str]) -> Iterator[str]:
    """Yield a line for each candle, with its time in ms; `further` has more fields for each, as text.

    Floats are written by orjson as the shortest text that reads as the same float; `repr` does so too, but takes twenty
    times as long.
    """
    more = with_columns(candles.extra_columns, further)
    for start in range(0, len(candles), CANDLES_AT_A_TIME):
        times = candles.open_time_ms[start : start + CANDLES_AT_A_TIME].tolist()
        texts = iter(_number_texts(candles.ohlcv[start : start + CANDLES_AT_A_TIME]))
        # Zipping the same iterator five times takes five texts for each candle.
        own = itertools.islice(more, len(times))
        for o, h, lo, c, v, time, fields in zip(*[texts] * 5, times, own, strict=True):
            yield f"{series} open={o},high={h},low={lo},close={c},volume={v},{fields} {time}"


def with_columns(columns: Mapping[str, NDArray[np.float64]], further: Iterable[str]) -> Iterator[str]:
    """Yield the texts of `further`, each preceded by the fields of `columns`; NaN leaves a field out."""
    more = iter(further)
    served = {name: column for name, column in columns.items() if not np.isnan(column).all()}
    if not served:
        return more
    return itertools.chain.from_iterable(
        _before({name: column[start : start + CANDLES_AT_A_TIME] for name, column in served.items()}, more)
        for start in range(0, len(next(iter(served.values()))), CANDLES_AT_A_TIME)
    )


def _before(columns: Mapping[str, NDArray[np.float64]], further: Iterator[str]) -> list[str]:
    count = len(next(iter(columns.values())))
    fields = list(itertools.islice(further, count))
    for name, column in reversed(list(columns.items())):
        unit = "i" if name in INTEGER_FIELDS else ""
        texts = [text.removesuffix(".0") for text in _number_texts(column)] if unit else _number_texts(column)
        fields = [
            rest if text == NOT_SERVED else f"{name}={text}{unit},{rest}"
            for text, rest in zip(texts, fields, strict=True)
        ]
    return fields


def _number_texts(values: NDArray[np.float64]) -> list[str]:
    """Return the floats of an array as texts, row by row; NaN becomes NOT_SERVED."""
    flat = np.ascontiguousarray(values).ravel()
    return orjson.dumps(flat, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].decode().split(",")
