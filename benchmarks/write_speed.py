"""Writing candles to InfluxDB, against uploading prepared line protocol."""

from itertools import count

from influxdb_client import WritePrecision
from influxdb_client.client.write_api import SYNCHRONOUS, WriteApi

from benchmarks.figures import Figures, take_turns
from benchmarks.result import Result, at_least
from benchmarks.sample import days, sample_candles
from benchmarks.workbench import Workbench
from candle_ingest.candles.candles import FIELDS, Candles
from candle_ingest.store.bucket import BATCH_LINES
from candle_ingest.store.candle_store import CandleStore

# Each upload goes to a new series: overwriting points costs something else than writing new ones.
_PLACEHOLDER = "PAIR"


def write_speed(bench: Workbench) -> Result:
    """Measure writing arrays as points, through the package and through the client library alone."""
    candles = sample_candles(days(bench.repetitions(60, 4)), seed=1)
    return Result(
        name="write",
        what=f"{len(candles):,} candles from arrays to InfluxDB, against uploading prepared line protocol in the same "
        "batches",
        figures=_figures(bench, candles),
        target=at_least(0.9),
        falls_short_because="making the lines takes a microsecond each, and where the processors are busy little of it "
        "is hidden behind the time that the server takes.",
    )


def _figures(bench: Workbench, candles: Candles) -> Figures:
    batches, pairs = prepared_batches(candles), count()
    with bench.open_bucket() as bucket, bench.new_client() as client:
        store, api = CandleStore(bucket), client.write_api(write_options=SYNCHRONOUS)
        return take_turns(
            lambda: store.write_exchange_candles(f"OUR{next(pairs)}/USD", "binance", "BTC/USDT", candles),
            lambda: _upload(api, bucket.name, batches, f"BARE{next(pairs)}/USD"),
            bench.repetitions(9, 1),
        )


def prepared_batches(candles: Candles) -> list[bytes]:
    """Return line protocol as the package writes it, ready to send except for the pair's name."""
    lines = [
        f"exchange_candles,currency_pair={_PLACEHOLDER},exchange=binance "
        + ",".join(f"{field}={value!r}" for field, value in zip(FIELDS, values, strict=True))
        + f',market="BTC/USDT" {time}'
        for time, *values in candles.rows()
    ]
    return ["\n".join(lines[at : at + BATCH_LINES]).encode() for at in range(0, len(lines), BATCH_LINES)]


def _upload(api: WriteApi, bucket: str, batches: list[bytes], pair: str) -> None:
    for batch in batches:
        record = batch.replace(_PLACEHOLDER.encode(), pair.encode())
        # The client declares its precisions as plain texts, and its parameter as their class.
        api.write(bucket, record=record, write_precision=WritePrecision.MS)  # type: ignore[arg-type]
