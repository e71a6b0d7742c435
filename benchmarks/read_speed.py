"""Reading candles back for a merge, against only receiving the response."""

from benchmarks.figures import Figures, take_turns
from benchmarks.result import Result
from benchmarks.sample import days, sample_candles
from benchmarks.workbench import Workbench
from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.store.candle_store import CandleStore

EXCHANGES = ("binance", "coinbaseexchange", "kraken")
_BARE = """
from(bucket: "{bucket}") |> range(start: {start}, stop: {stop})
  |> filter(fn: (r) => r._measurement == "exchange_candles" and r.currency_pair == "BTC/USD" and r._field != "market")
"""


def read_speed(bench: Workbench) -> Result:
    """Measure a month of three exchanges: the query and the parsing, as a merge needs them."""
    window = days(bench.repetitions(30, 2))
    return Result(
        name="read",
        what=f"reading 3 exchanges × {window.slots(MINUTE_MS):,} candles into arrays, against receiving the bytes of a "
        "query without pivot",
        figures=_figures(bench, window),
    )


def _figures(bench: Workbench, window: Window) -> Figures:
    with bench.open_bucket() as bucket, bench.new_client() as client:
        store, api = CandleStore(bucket), client.query_api()
        for seed, name in enumerate(EXCHANGES):
            store.write_exchange_candles("BTC/USD", name, "BTC/USD", sample_candles(window, seed))
        bare = _BARE.format(bucket=bucket.name, start=window.start_ms // 1000, stop=window.end_ms // 1000)
        return take_turns(
            lambda: store.read_exchange_candles("BTC/USD", EXCHANGES, window),
            lambda: api.query_raw(bare).data,
            bench.repetitions(5, 1),
        )
