"""Merged candles in a file: CSV or Parquet.

Columns: `open_time` (UTC), `open`, `high`, `low`, `close`, `volume` in base units, `exchange_count`,
`source_exchanges` (comma-separated), `vwap` and `trade_count` where every exchange used serves them.
"""

import csv
import math
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from candle_ingest.candles.candles import FIELDS
from candle_ingest.candles.merge import MergedCandles

COLUMNS = ("open_time", *FIELDS, "exchange_count", "source_exchanges", "vwap", "trade_count")
FORMATS = (".parquet", ".csv")


def write_candle_file(path: Path, parts: Iterable[MergedCandles]) -> int:
    """Write all parts, in order, and return the number of candles.

    The ending of the name tells the format. The file has its name only once it is whole.
    """
    unfinished = path.with_name(f"{path.name}.part")
    try:
        count = (_write_parquet if path.suffix == ".parquet" else _write_csv)(unfinished, parts)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def _write_csv(path: Path, parts: Iterable[MergedCandles]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for part in parts:
            writer.writerows(_rows(part))
            count += len(part)
    return count


def _rows(part: MergedCandles) -> Iterator[tuple[object, ...]]:
    origins = zip(part.exchange_count.tolist(), part.source_exchanges, strict=True)
    columns = zip(part.vwap.tolist(), part.trade_count.tolist(), strict=True)
    for (time_ms, *ohlcv), own, (vwap, trades) in zip(part.candles.rows(), origins, columns, strict=True):
        moment = datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield moment, *ohlcv, *own, _or_empty(vwap), "" if math.isnan(trades) else int(trades)


def _or_empty(value: float) -> float | str:
    return "" if math.isnan(value) else value


def _write_parquet(path: Path, parts: Iterable[MergedCandles]) -> int:
    # Only this command needs it, and it takes long to import.
    import pyarrow
    from pyarrow import parquet

    floats = [(name, pyarrow.float64()) for name in FIELDS]
    origins = [("exchange_count", pyarrow.int64()), ("source_exchanges", pyarrow.string())]
    extras = [("vwap", pyarrow.float64()), ("trade_count", pyarrow.int64())]
    schema = pyarrow.schema([("open_time", pyarrow.timestamp("ms", tz="UTC")), *floats, *origins, *extras])
    count = 0
    with parquet.ParquetWriter(path, schema) as writer:
        for part in parts:
            columns = [part.candles.open_time_ms, *part.candles.ohlcv.T, part.exchange_count, part.source_exchanges]
            arrays = [
                pyarrow.array(column, type=field.type, from_pandas=True)  # NaN is an empty cell
                for column, field in zip([*columns, part.vwap, part.trade_count], schema, strict=True)
            ]
            writer.write_table(pyarrow.table(arrays, schema=schema))
            count += len(part)
    return count
