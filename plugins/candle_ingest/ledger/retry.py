"""Make given-up stretches due again."""

from collections.abc import Collection

from candle_ingest.candles.window import ALL_TIME, DAY_MS, Window
from candle_ingest.ledger.day_records import DAY_RECORDS
from candle_ingest.ledger.record_keeper import RecordKeeper, log_unreadable
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, keep, select, with_times_ms

_GIVEN_UP = select(DAY_RECORDS, "r._field =~ /^(unobtainable|unconfirmed)$/ and r._value > 0")
_GIVEN_UP += keep("_time", "currency_pair", "exchange")


def retry_unobtainable(
    bucket: InfluxBucket,
    keeper: RecordKeeper,
    now_ms: int,
    pairs: Collection[str] | None = None,
    exchanges: Collection[str] | None = None,
    window: Window = ALL_TIME,
) -> int:
    """Make given-up stretches and closing looks of these pairs and exchanges due now; return how many days have any.

    The next repair requests them.
    """
    rows = bucket.query(_GIVEN_UP, **flux_range(window))
    days: dict[str, set[tuple[str, int]]] = {}
    for row, day_ms in with_times_ms(rows):
        if (pairs is None or row["currency_pair"] in pairs) and (exchanges is None or row["exchange"] in exchanges):
            days.setdefault(row["exchange"], set()).add((row["currency_pair"], day_ms))
    count = 0
    for exchange, own in days.items():
        for day_ms in sorted({day_ms for _, day_ms in own}):
            names = {pair for pair, found_ms in own if found_ms == day_ms}
            with log_unreadable():
                count += len(keeper.retry_unobtainable(exchange, Window(day_ms, day_ms + DAY_MS), names, now_ms))
    return count
