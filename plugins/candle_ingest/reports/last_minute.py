"""Find the newest reliable minute of a pair."""

from candle_ingest.errors.symbols import NothingMergedError
from candle_ingest.ledger.watermarks import FINAL, GLOBAL_STATUS, Watermarks, latest_key, watermarks_by_pair
from candle_ingest.store.bucket import InfluxBucket


def last_final_minute_ms(bucket: InfluxBucket, currency_pair: str) -> int:
    """Return the open time of the last final candle or, if none is final yet, of the newest merged one.

    Raises NothingMergedError if nothing is merged.
    """
    watermarks = Watermarks(bucket)
    final_ms = watermarks_by_pair(watermarks.read().items()).get((currency_pair, FINAL))
    if final_ms is not None:
        return final_ms
    key = latest_key(currency_pair)
    newest_ms = watermarks.read([key], GLOBAL_STATUS).get(key)
    if newest_ms is None:
        raise NothingMergedError(f"no candle of {currency_pair} is merged yet; give a time, such as 2026-11-20T12:00Z")
    return newest_ms
