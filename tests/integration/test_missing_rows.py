"""Exchanges that send a row for each minute: one that an answer lacks is asked for again, and never taken for quiet."""

from __future__ import annotations

import pytest

from candle_ingest.candles.window import DAY_MS, HOUR_MS, MINUTE_MS, Window
from candle_ingest.connections import connect_influxdb
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.store.bucket import InfluxBucket
from dev.exchange_simulator.market_events import MarketEvent
from tests.integration.steps import DAY, day_records, run_steps, stored, truth, within

pytestmark = pytest.mark.integration
CLOSED_MS = DAY.end_ms + 2 * HOUR_MS
MINUTE = Window(DAY.start_ms + 12 * HOUR_MS, DAY.start_ms + 12 * HOUR_MS + MINUTE_MS)
FLAT_EXCHANGES = ("binance", "bitstamp", "htx")


def record(bucket_name, exchange):
    return day_records(bucket_name)["BTC/USD", exchange, DAY.start_ms]


def hide(exchanges, exchange, until_ms):
    exchanges.add_events(
        [
            MarketEvent(
                kind="hidden", exchange=exchange, start_ms=MINUTE.start_ms, end_ms=MINUTE.end_ms, until_ms=until_ms
            )
        ]
    )


def look(settings, exchanges, kind, now_ms):
    exchanges.set_clock(now_ms)
    run_steps(settings, kind, DAY if kind == "backfill" else None, now_ms, origin_ms=DAY.start_ms)


@pytest.mark.parametrize("exchange", FLAT_EXCHANGES)
def test_a_row_that_the_closing_look_lacks_is_found_an_hour_later(make_settings, exchanges, exchange):
    settings = make_settings((exchange,), quote_conversion="par")
    hide(exchanges, exchange, CLOSED_MS + HOUR_MS // 2)
    look(settings, exchanges, "backfill", CLOSED_MS)
    early = record(settings.influxdb_bucket, exchange)
    assert (early.state, early.state_at(MINUTE.start_ms)) == (RecordState.OPEN, MinuteState.SILENT)
    assert early.stretch_at(MINUTE.start_ms).reason.startswith("the answer lacks the candle")
    look(settings, exchanges, "repair", CLOSED_MS + HOUR_MS + 1)
    late = record(settings.influxdb_bucket, exchange)
    assert (late.state, late.state_at(MINUTE.start_ms)) == (RecordState.FINAL, MinuteState.PRESENT)
    own = stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", exchange)
    assert within(own, DAY) == truth(exchange, DAY)


def test_a_row_that_never_comes_is_an_outage_only_after_a_day(make_settings, exchanges):
    settings = make_settings(("binance",), quote_conversion="par")
    hide(exchanges, "binance", None)
    states = []
    look(settings, exchanges, "backfill", CLOSED_MS)
    for later_ms in (HOUR_MS + 1, DAY_MS + HOUR_MS + 2):
        states.append(record(settings.influxdb_bucket, "binance").state)
        look(settings, exchanges, "repair", CLOSED_MS + later_ms)
    late = record(settings.influxdb_bucket, "binance")
    assert states == [RecordState.OPEN, RecordState.OPEN]
    assert (late.state, late.state_at(MINUTE.start_ms)) == (RecordState.FINAL, MinuteState.OUTAGE)


def test_rows_that_were_put_right_are_recorded_with_the_fetch(make_settings, exchanges, caplog):
    settings = make_settings(("bitstamp",), quote_conversion="par")
    exchanges.add_events(
        [MarketEvent(kind="double_row", exchange="bitstamp", start_ms=MINUTE.start_ms, end_ms=MINUTE.end_ms)]
    )
    look(settings, exchanges, "backfill", CLOSED_MS)
    words = "1 × time appears twice with different values, the last row counts"
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        rows = bucket.query(
            "from(bucket: bucket) |> range(start: -1h) "
            '|> filter(fn: (r) => r._measurement == "fetch_attempts" and r._field == "corrections")'
        )
    assert [(row["currency_pair"], row["exchange"], row["_value"]) for row in rows] == [("BTC/USD", "bitstamp", words)]
    assert f"BTC/USD @ bitstamp, 2026-03-10T00:00Z to 2026-03-11T00:00Z: rows corrected: {words}" in caplog.text
