"""Read everything that is stored about one candle of one pair."""

from collections.abc import Mapping
from dataclasses import replace

from candle_ingest.candles.candles import FIELDS
from candle_ingest.candles.merge import Conversion
from candle_ingest.candles.window import DAY_MS, Window, floor_ms
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.merge_method_text import merge_method_text
from candle_ingest.ledger.merged_day import MergedDay
from candle_ingest.reports.explanation import (
    ExchangeCandle,
    Explanation,
    MergeRules,
    Ohlcv,
    StoredMerge,
    explain,
)
from candle_ingest.reports.when_asked import when_asked
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import PIVOT, flux_range, select
from candle_ingest.store.quality_store import QualityStore
from candle_ingest.store.rate_store import RateStore, legs_of

_EXCHANGES, _MERGED = (
    select(name, "r.currency_pair == currency_pair") + PIVOT for name in ("exchange_candles", "candles")
)


def explain_minute(
    bucket: InfluxBucket, settings: PipelineSettings, currency_pair: str, time_ms: int, now_ms: int
) -> Explanation:
    """Explain the candle that contains `time_ms`: how its price is made, and what the records say."""
    window = settings.timeframe.candle_at(time_ms)
    records = DayRecords(bucket)
    own = {name: record for (_, name, _), record in records.read(window, [currency_pair]).items()}
    day = records.read_merges(window, [currency_pair]).get((currency_pair, floor_ms(window.start_ms, DAY_MS)))
    rows = bucket.query(_EXCHANGES, currency_pair=currency_pair, **flux_range(window))
    candles = {row["exchange"]: ExchangeCandle(_ohlcv(row), row.get("market") or "") for row in rows}
    stored = _stored(bucket, currency_pair, window, day)
    conversion = _conversion(bucket, settings, currency_pair, candles, window, day)
    found = explain(window, candles, stored, own, day, merge_rules(settings), conversion)
    return replace(found, when_asked=when_asked(settings, window, now_ms))


def merge_rules(settings: PipelineSettings) -> MergeRules:
    """Return how the pipeline merges."""
    return MergeRules(
        exchanges=settings.exchange_ids,
        minimum=settings.min_exchanges_required,
        method=settings.merge_method,
        method_text=merge_method_text(settings),
    )


def _conversion(
    bucket: InfluxBucket,
    settings: PipelineSettings,
    currency_pair: str,
    candles: Mapping[str, ExchangeCandle],
    window: Window,
    day: MergedDay | None,
) -> Conversion:
    """Return the conversion for the candles; at par, no rate is read."""
    markets = {name: candle.market for name, candle in candles.items() if candle.market}
    if settings.quote_conversion == "par":
        found = legs_of(currency_pair, markets.items())
    else:
        found = RateStore(bucket).conversion(currency_pair, markets.items(), window)
    return replace(found, refused=dict(day.refused) if day else {})


def _stored(bucket: InfluxBucket, currency_pair: str, window: Window, day: MergedDay | None) -> StoredMerge | None:
    """Return what is stored of the merge; None if the minute was not merged."""
    rows = bucket.query(_MERGED, currency_pair=currency_pair, **flux_range(window))
    if not rows and not (day and any(part.covers(window) for part in day.merged_windows())):
        return None
    quality = QualityStore(bucket).read(currency_pair, window)
    excluded = tuple(text.partition(": ")[0] for texts in quality.excluded for text in texts.split(", ") if text)
    if not rows:
        return StoredMerge(None, (), excluded)
    used = tuple(filter(None, (rows[0].get("source_exchanges") or "").split(",")))
    return StoredMerge(_ohlcv(rows[0]), used, excluded)


def _ohlcv(row: Mapping[str, str]) -> Ohlcv:
    open_, high, low, close, volume = (float(row[field]) for field in FIELDS)
    return open_, high, low, close, volume
