"""Merged candles in a file: CSV or Parquet.

Columns: `open_time` (UTC), `open`, `high`, `low`, `close`, `volume` in base units, `exchange_count`,
`source_exchanges` (comma-separated), `vwap` and `trade_count` where every exchange used serves them; then the quality
of the minute: `dispersion_bps`, `excluded`, `clamped`, `disputed`, a rate for each quote that may replace the pair's
own (`rate_usdt`, `rate_usdc`; empty where it was not needed, or where there was none), and `grade` from A to D.
"""

import csv
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.candles import FIELDS
from candle_ingest.candles.graded import GradedCandles

COLUMNS = ("open_time", *FIELDS, "exchange_count", "source_exchanges", "vwap", "trade_count")
TEXTS = ("excluded", "clamped", "disputed")
FORMATS = (".parquet", ".csv")


def columns_of(legs: Sequence[str]) -> list[str]:
    """Return the names of all columns; `legs` are the quotes that may replace the pair's own."""
    return [*COLUMNS, "dispersion_bps", *TEXTS, *(f"rate_{leg.lower()}" for leg in legs), "grade"]


def write_candle_file(path: Path, parts: Iterable[GradedCandles], legs: Sequence[str] = ()) -> int:
    """Write all parts, in order, and return the number of candles.

    The file extension decides the format. The file gets its name only once it is complete.
    """
    unfinished = path.with_name(f"{path.name}.part")
    try:
        count = (_write_parquet if path.suffix == ".parquet" else _write_csv)(unfinished, parts, legs)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def _write_csv(path: Path, parts: Iterable[GradedCandles], legs: Sequence[str]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns_of(legs))
        for part in parts:
            writer.writerows(_rows(part, legs))
            count += len(part)
    return count


def _rows(part: GradedCandles, legs: Sequence[str]) -> Iterator[tuple[object, ...]]:
    times, *columns = _columns(part, legs)
    for time_ms, *row in zip(times, *columns, strict=True):
        moment = datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield moment, *map(_cell, row)


def _cell(value: object) -> object:
    """Return the text for CSV: nothing for NaN, and counts without a decimal point."""
    if not isinstance(value, float):
        return value
    return "" if math.isnan(value) else value


def _columns(part: GradedCandles, legs: Sequence[str]) -> list[list[object]]:
    """Return the values of each column, in the order of `columns_of`."""
    merged, quality = part.merged, part.quality
    trade_counts = [math.nan if math.isnan(count) else int(count) for count in merged.trade_count.tolist()]
    missing: NDArray[np.float64] = np.full(len(part), np.nan)
    arrays = [merged.candles.open_time_ms, *merged.candles.ohlcv.T, merged.exchange_count]
    rates = [quality.rates.get(leg, missing) for leg in legs]
    return [
        *(array.tolist() for array in arrays),
        list(merged.source_exchanges),
        merged.vwap.tolist(),
        list(trade_counts),
        quality.dispersion_bps.tolist(),
        *(list(texts) for texts in (quality.excluded, quality.clamped, quality.disputed)),
        *(rate.tolist() for rate in rates),
        list(part.grades),
    ]


def _write_parquet(path: Path, parts: Iterable[GradedCandles], legs: Sequence[str]) -> int:
    # Only an export to Parquet needs it, and the import is slow.
    import pyarrow
    from pyarrow import parquet

    kinds = {"open_time": pyarrow.timestamp("ms", tz="UTC"), "exchange_count": pyarrow.int64()}
    kinds |= {"trade_count": pyarrow.int64(), **dict.fromkeys(("source_exchanges", *TEXTS, "grade"), pyarrow.string())}
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.float64())) for name in columns_of(legs)])
    count = 0
    with parquet.ParquetWriter(path, schema) as writer:
        for part in parts:
            arrays = [
                pyarrow.array(column, type=field.type, from_pandas=True)  # NaN is an empty cell
                for column, field in zip(_columns(part, legs), schema, strict=True)
            ]
            writer.write_table(pyarrow.table(arrays, schema=schema))
            count += len(part)
    return count
