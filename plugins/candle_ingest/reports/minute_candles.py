"""All that is stored of one candle of one pair."""

from candle_ingest.candles.candles import FIELDS
from candle_ingest.candles.merge_method import HighLow
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, floor_ms
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.reports.explanation import ExchangeCandle, Explanation, Ohlcv, StoredMerge, explain
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range

_READ = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "{measurement}" and r.currency_pair == currency_pair)
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
"""
_EXCHANGES, _MERGED = (_READ.replace("{measurement}", name) for name in ("exchange_candles", "candles"))


def explain_minute(
    bucket: InfluxBucket,
    currency_pair: str,
    time_ms: int,
    timeframe: Timeframe,
    exchanges: tuple[str, ...],
    high_low: HighLow,
) -> Explanation:
    """Return the candle that `time_ms` lies in, with what the records of its day say of it."""
    window = timeframe.candle_at(time_ms)
    day_ms = floor_ms(window.start_ms, DAY_MS)
    records = DayRecords(bucket)
    own = {name: record for (_, name, _), record in records.read(window, [currency_pair]).items()}
    day = records.read_merges(window, [currency_pair]).get((currency_pair, day_ms))
    params = {"currency_pair": currency_pair, **flux_range(window)}
    candles = {row["exchange"]: _candle(row) for row in bucket.query(_EXCHANGES, **params)}
    stored = next((_stored(row) for row in bucket.query(_MERGED, **params)), None)
    return explain(window, exchanges, candles, stored, own, day, high_low)


def _candle(row: dict[str, str]) -> ExchangeCandle:
    return ExchangeCandle(_ohlcv(row), row.get("market") or "")


def _stored(row: dict[str, str]) -> StoredMerge:
    return StoredMerge(_ohlcv(row), tuple(filter(None, (row.get("source_exchanges") or "").split(","))))


def _ohlcv(row: dict[str, str]) -> Ohlcv:
    open_, high, low, close, volume = (float(row[field]) for field in FIELDS)
    return open_, high, low, close, volume
