"""InfluxDB's line protocol: escaping, and the lines of candles.

Source: InfluxDB OSS v2 reference, "Line protocol", special characters. Tests hold it equal to what the
client library's `Point` writes; `Point` itself costs more than a hundred times the CPU.
"""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import orjson
from numpy.typing import NDArray

from candle_ingest.candles.candles import Candles

CANDLES_AT_A_TIME = 5_000

_TAG = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\n", "\t": r"\t", "\r": r"\r"})
_FIELD = str.maketrans({'"': r"\"", "\\": r"\\"})


def escaped_tag(text: str) -> str:
    """A tag value."""
    escaped = text.translate(_TAG)
    # A backslash at the end would escape what follows the value.
    return escaped + " " if escaped.endswith("\\") else escaped


def escaped_field(text: str) -> str:
    """A string field, without its quotes."""
    return text.translate(_FIELD)


def candle_lines(series: str, candles: Candles, further: Iterable[str]) -> Iterator[str]:
    """A line for each candle, its time in ms; `further` has further fields for each, as text.

    Floats are written by orjson, as the shortest text that reads as the same float: `repr` does so too, at
    twenty times the cost.
    """
    more = iter(further)
    for start in range(0, len(candles), CANDLES_AT_A_TIME):
        times = candles.open_time_ms[start : start + CANDLES_AT_A_TIME].tolist()
        texts = iter(_float_texts(candles.ohlcv[start : start + CANDLES_AT_A_TIME]))
        # The same iterator five times takes five texts for each candle.
        own = itertools.islice(more, len(times))
        for o, h, lo, c, v, time, fields in zip(*[texts] * 5, times, own, strict=True):
            yield f"{series} open={o},high={h},low={lo},close={c},volume={v},{fields} {time}"


def _float_texts(values: NDArray[np.float64]) -> list[str]:
    """The floats of an array, row by row."""
    flat = np.ascontiguousarray(values).ravel()
    return orjson.dumps(flat, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].decode().split(",")
