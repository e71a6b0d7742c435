"""The calls for a month, against the fewest that can return its candles; all candles must be stored and correct."""

import json
from collections.abc import Iterator
from datetime import date

from benchmarks.figures import Figures
from benchmarks.result import Result, at_most
from benchmarks.sample import NOW_MS, calm_days
from benchmarks.workbench import Workbench
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window, split_days
from candle_ingest.exchanges.profiles import exchange_profile
from candle_ingest.settings import PipelineSettings
from dev.exchange_simulator.coins import utc_ms
from tests.integration.steps import merged_truth, run_steps, stored, truth

PAIRS = {"btcusd": "BTC/USD", "ethusd": "ETH/USD", "solusd": "SOL/USD"}
# Without kraken, whose calls for trades depend on how much was traded.
EXCHANGES = ("binance", "coinbaseexchange", "kucoin", "htx")


def fewest_calls(bench: Workbench) -> Result:
    """Measure one run per day, one fetch after the other, under the published limits.

    Comparing the candles makes sure that no call is saved at the cost of a candle.
    """
    window = _calm_window(bench.repetitions(30, 1))
    settings = PipelineSettings(
        name="candle",
        exchanges=EXCHANGES,
        influxdb_bucket=bench.influxdb.new_bucket("bench"),
        # Rate markets would need further calls.
        quote_conversion="par",
    )
    with bench.task_environment(bench.limited_exchanges):
        bench.redis.client().set(settings.redis_key_crypto_symbols, json.dumps(list(PAIRS)))
        bench.limited_exchanges.reset_requests()
        calls = sum(run_steps(settings, "backfill", day, NOW_MS).requests for day in split_days(window))
        rejected = _rejected(bench)
        if different := list(_different(settings.influxdb_bucket, window)):
            raise RuntimeError(f"not what the simulated exchanges have: {', '.join(different)}")
    fewest = sum(_fewest(exchange, day) for exchange in EXCHANGES for day in split_days(window))
    return Result(
        name="calls",
        what=f"{len(list(split_days(window)))} days of {len(PAIRS)} symbols on {len(EXCHANGES)} exchanges, a day a "
        "run, all equal to the truth: calls for candles against the fewest that hold them",
        figures=Figures((calls / fewest,)),
        target=at_most(1.0),
        detail=f"{calls:,} calls; {rejected} were rejected",
    )


def _calm_window(count: int) -> Window:
    """Return days without an outage of an exchange: all minutes are merged at once."""
    first = calm_days(EXCHANGES, count, date(2025, 1, 1))
    start_ms = utc_ms(first.isoformat())
    return Window(start_ms, start_ms + count * DAY_MS)


def _fewest(exchange: str, day: Window) -> int:
    """Return the number of full pages for all symbols."""
    return -(-day.slots(MINUTE_MS) // exchange_profile(exchange).rows_per_request) * len(PAIRS)


def _rejected(bench: Workbench) -> int:
    """Return the number of requests of any kind that exceeded a limit."""
    counts = bench.limited_exchanges.requests()
    return sum(count["rejected"] for exchange in EXCHANGES for count in counts[exchange].values())


def _different(bucket: str, window: Window) -> Iterator[str]:
    """Yield the series whose stored candles are not those of the simulated exchanges, or of their merge."""
    for pair in PAIRS.values():
        for exchange in EXCHANGES:
            if stored(bucket, "exchange_candles", pair, exchange) != truth(exchange, window, pair):
                yield f"{pair} @ {exchange}"
        if stored(bucket, "candles", pair) != merged_truth(EXCHANGES, window, pair, par=True):
            yield f"{pair}, merged"
