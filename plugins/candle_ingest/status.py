"""How complete a pipeline is: what is stored of what is expected, symbol by symbol."""

from dataclasses import dataclass

from candle_ingest.adapters.candle_store import CandleStore
from candle_ingest.adapters.connections import connect_influxdb, connect_redis
from candle_ingest.adapters.influx_bucket import InfluxBucket
from candle_ingest.adapters.merge_ledger import MergeLedger
from candle_ingest.adapters.symbol_list import read_symbols
from candle_ingest.adapters.watermarks import Watermarks, backfill_key, catch_up_key
from candle_ingest.core.symbol import Symbol
from candle_ingest.core.timeframe import bar_ms
from candle_ingest.core.window import Window, union
from candle_ingest.settings import PipelineSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolStatus:
    """One symbol in a window: `expected_count` = stored + quiet + missing; times are open times in ms."""

    ticker: str
    currency_pair: str
    expected_count: int
    stored_count: int
    quiet_count: int
    missing_count: int
    first_open_time_ms: int | None
    last_open_time_ms: int | None
    backfill_watermark_ms: int | None
    catch_up_watermark_ms: int | None


def pipeline_status(settings: PipelineSettings, start_ms: int, end_ms: int) -> list[SymbolStatus]:
    """The status of each symbol that Redis lists, for [start_ms, end_ms)."""
    with connect_redis() as client:
        symbols = read_symbols(client, settings.redis_key_crypto_symbols)
    window, bar = Window(start_ms, end_ms), bar_ms(settings.candle_granularity_minutes)
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        keys = [key for s in symbols for key in (backfill_key(s.ticker), catch_up_key(s.ticker))]
        watermarks = Watermarks(bucket).read(keys)
        return [_status(symbol, window, bar, bucket, watermarks) for symbol in symbols]


def _status(symbol: Symbol, window: Window, bar: int, bucket: InfluxBucket, watermarks: dict[str, int]) -> SymbolStatus:
    stored, first_ms, last_ms = CandleStore(bucket).merged_span(symbol.currency_pair, window)
    merged = union(merge.window for merge in MergeLedger(bucket, bar).merges(window, symbol.currency_pair))
    accounted = sum(part.intersection(window).slots(bar) for part in merged)
    return SymbolStatus(
        ticker=symbol.ticker,
        currency_pair=symbol.currency_pair,
        expected_count=window.slots(bar),
        stored_count=stored,
        quiet_count=max(0, accounted - stored),
        missing_count=window.slots(bar) - max(accounted, stored),
        first_open_time_ms=first_ms,
        last_open_time_ms=last_ms,
        backfill_watermark_ms=watermarks.get(backfill_key(symbol.ticker)),
        catch_up_watermark_ms=watermarks.get(catch_up_key(symbol.ticker)),
    )
