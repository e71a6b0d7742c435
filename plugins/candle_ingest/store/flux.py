"""Flux: the parts that queries are built from, and times in queries and responses."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.window import NS_PER_MS, Window

Row = TypeVar("Row", bound=Mapping[str, str])
# Spans for `select`: the params of `flux_range`, or all times.
RANGE, EVER = "start: time(v: start_ns), stop: time(v: stop_ns)", "start: 0"
# One row for each time of a series, with its fields as columns.
PIVOT = '  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")\n'
# Beyond MAX_COMPARED_PAIRS, one pattern is faster than one comparison per pair; beyond MAX_NAMED_PAIRS, no condition
# is faster than a pattern, and the reader picks its pairs. Measured on the records of 2,000 pairs: 125 of them in
# 0.05 s by a pattern, 0.16 s compared one by one, 1.1 s without a condition.
MAX_COMPARED_PAIRS = 25
MAX_NAMED_PAIRS = 1_000


def select(measurement: str, *conditions: str, span: str = RANGE) -> str:
    """Return the beginning of a query: the points of a measurement in `span` that meet all conditions on `r`."""
    points = f'r._measurement == "{measurement}"'
    return f"from(bucket: bucket)\n  |> range({span})\n{where(points, *conditions)}"


def where(*conditions: str) -> str:
    """Return the part of a query that keeps rows meeting all conditions on `r`; an empty condition always holds."""
    return f"  |> filter(fn: (r) => {' and '.join(filter(None, conditions))})\n"


def keep(*columns: str) -> str:
    """Return the part of a query that drops all other columns."""
    return f"  |> keep(columns: {json.dumps(columns)})\n"


def answer(name: str) -> str:
    """Return the end of one of several queries sent together: its rows have `name` in the column `what`."""
    return f'  |> set(key: "what", value: "{name}")\n  |> yield(name: "{name}")\n'


def is_pair(pairs: Collection[str] | None, most: int = MAX_NAMED_PAIRS) -> str:
    """Return a condition on `currency_pair`; empty for all pairs, or for more than `most`, and never met for none.

    Pairs are `BASE/QUOTE` of letters and digits of any script, so only the slash has to be escaped, in a pattern.
    """
    if pairs is None or len(pairs) > most:
        return ""
    if not pairs:
        return "false"
    if len(pairs) > MAX_COMPARED_PAIRS:
        return f"r.currency_pair =~ /^({'|'.join(sorted(pairs)).replace('/', chr(92) + '/')})$/"
    compared = [f'r.currency_pair == "{pair}"' for pair in sorted(pairs)]
    return f"({' or '.join(compared)})"


def flux_range(window: Window) -> dict[str, int]:
    """Return the params `start_ns` and `stop_ns` of a query."""
    return {"start_ns": window.start_ms * NS_PER_MS, "stop_ns": window.end_ms * NS_PER_MS}


def times_ms(texts: Iterable[str]) -> NDArray[np.int64]:
    """Return the ms since 1970 for times as InfluxDB writes them: `2026-01-01T00:00:00Z`."""
    # numpy has no time zones, so the Z is cut off; slicing is the fastest way.
    cut: Any = [text[:-1] for text in texts]
    return np.array(cut, dtype="datetime64[ms]").astype(np.int64)


def with_times_ms(rows: Iterable[Row]) -> list[tuple[Row, int]]:
    """Return the rows, each with its `_time` in ms since 1970."""
    found = list(rows)
    return list(zip(found, times_ms(row["_time"] for row in found).tolist(), strict=True))


def time_ms(text: str) -> int:
    """Return the ms since 1970 for one time as InfluxDB writes it."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)
