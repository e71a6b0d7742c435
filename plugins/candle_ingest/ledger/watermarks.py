"""Watermarks: how far the candles of a symbol are complete.

`processing_state`: tags `service_identifier` (`candle_ingestor`, `global_candle_status`), `key` (`btcusd-backfill`,
`btcusd-catch_up`, `btcusd-final`; `BTC_USD_latest_ingested_ts`); field `last_processed_timestamp_ms` integer, an open
time; time of writing, the newest point counts.
"""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from influxdb_client import Point

from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.connections import RedisClient
from candle_ingest.errors import SymbolError
from candle_ingest.ledger.locks import held_locks
from candle_ingest.store.bucket import InfluxBucket

MEASUREMENT = "processing_state"
FIELD = "last_processed_timestamp_ms"
INGESTOR = "candle_ingestor"
GLOBAL_STATUS = "global_candle_status"
# The kinds of watermarks, each the suffix of a key.
BACKFILL, CATCH_UP, FINAL = "backfill", "catch_up", "final"
_READ = """
from(bucket: bucket)
  |> range(start: 0, stop: 2200-01-01T00:00:00Z)
  |> filter(fn: (r) => r._measurement == "processing_state" and r._field == "last_processed_timestamp_ms")
  |> last()
  |> map(fn: (r) => ({service: r.service_identifier, key: r.key, value: r._value, time_ns: int(v: r._time)}))
"""
_FARTHEST = """
from(bucket: bucket)
  |> range(start: 0, stop: 2200-01-01T00:00:00Z)
  |> filter(fn: (r) => r._measurement == "processing_state" and r._field == "last_processed_timestamp_ms")
  |> max()
  |> keep(columns: ["service_identifier", "key", "_value"])
"""
# The service and the key of a watermark.
WatermarkName = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _State:
    value_ms: int
    written_ns: int


def backfill_key(ticker: str) -> str:
    """Return the key of a symbol's backfill watermark."""
    return f"{ticker}-backfill"


def catch_up_key(ticker: str) -> str:
    """Return the key of a symbol's catch-up watermark."""
    return f"{ticker}-catch_up"


def final_key(ticker: str) -> str:
    """Return the key of a symbol's final watermark."""
    return f"{ticker}-final"


def latest_key(currency_pair: str) -> str:
    """Return the key of a pair's newest candle: `BTC_USD_latest_ingested_ts`."""
    return f"{currency_pair.replace('/', '_')}_latest_ingested_ts"


class Watermarks:
    """Reads watermarks and moves them forward, never back. A watermark is the open time in ms of a candle."""

    def __init__(self, bucket: InfluxBucket) -> None:
        self._bucket = bucket

    def read(self, keys: Iterable[str] | None = None, service: str = INGESTOR) -> dict[str, int]:
        """Return the existing watermarks among `keys`, by key; without `keys`, all of the service."""
        found = {key: state.value_ms for (owner, key), state in self._states().items() if owner == service}
        return found if keys is None else {key: found[key] for key in keys if key in found}

    @property
    def bucket_name(self) -> str:
        """Return the name of the bucket."""
        return self._bucket.name

    def restore(self, names: Collection[WatermarkName]) -> None:
        """Rewrite the highest value ever written for each of `names` whose newest point has another one."""
        rows = {(row["service_identifier"], row["key"]): int(row["_value"]) for row in self._bucket.query(_FARTHEST)}
        self.advance({name: rows[name] for name in names if name in rows})

    def advance(self, values_ms: Mapping[WatermarkName, int]) -> None:
        """Write the watermarks that move forward. Call it only through `advance_together`."""
        states = self._states()
        points = [
            self._point(name, value_ms, states.get(name))
            for name, value_ms in values_ms.items()
            if name not in states or states[name].value_ms < value_ms
        ]
        self._bucket.write_points(points)

    @staticmethod
    def _point(name: WatermarkName, value_ms: int, before: _State | None) -> Point:
        # Readers take the last point by time, so a clock that runs behind must not hide this one.
        written_ns = max(time.time_ns(), before.written_ns + 1 if before else 0)
        point = Point(MEASUREMENT).tag("service_identifier", name[0]).tag("key", name[1])
        return point.field(FIELD, value_ms).time(written_ns)

    def _states(self) -> dict[WatermarkName, _State]:
        rows = self._bucket.query(_READ)
        return {(row["service"], row["key"]): _State(int(row["value"]), int(row["time_ns"])) for row in rows}


def advance_together(
    client: RedisClient, watermarks: Watermarks, values_ms: Mapping[str, int], latest_ms: Mapping[str, int]
) -> None:
    """Move watermarks forward under a lock: `values_ms` of the ingestor, `latest_ms` of pairs.

    If the lock expires, a slow write may hide a later one by another task. Then the highest value ever written is
    restored.
    """
    wanted = {(INGESTOR, key): value_ms for key, value_ms in values_ms.items()}
    wanted |= {(GLOBAL_STATUS, key): value_ms for key, value_ms in latest_ms.items()}
    if not wanted:
        return
    with held_locks(client, [f"watermarks:{watermarks.bucket_name}"]) as held:
        watermarks.advance(wanted)
    if held.lost:
        watermarks.restore(wanted.keys())


def watermarks_by_pair(values_ms: Iterable[tuple[str, int]]) -> dict[tuple[str, str], int]:
    """Return the highest watermark of each pair and kind (`backfill`, `catch_up`, `final`) across spellings."""
    found: dict[tuple[str, str], int] = {}
    for key, value_ms in values_ms:
        ticker, _, kind = key.rpartition("-")
        try:
            pair = parse_symbol(ticker).currency_pair
        except SymbolError:
            # Written by another program.
            continue
        found[pair, kind] = max(value_ms, found.get((pair, kind), value_ms))
    return found
