"""The bucket, the ledger and the watermarks, in a real InfluxDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from influxdb_client import InfluxDBClient, Permission, PermissionResource

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.merge import merge_candles
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window, union
from candle_ingest.errors import ConfigurationError, TemporaryError
from candle_ingest.errors.servers import BucketMissingError
from candle_ingest.ledger.coverage import CONFIRMED, FAILED, REJECTED, REPAIRED, Account, settled_windows
from candle_ingest.ledger.coverage_ledger import CoverageLedger
from candle_ingest.ledger.daily_coverage import DailyCoverage
from candle_ingest.ledger.merge_ledger import MergeLedger
from candle_ingest.ledger.watermarks import Watermarks, watermark_lock
from candle_ingest.store import bucket as influx_bucket
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore
from dev.local_stack.ports import free_port

pytestmark = pytest.mark.integration
DAY = Window(20_000 * DAY_MS, 20_001 * DAY_MS)


@pytest.fixture
def open_bucket(influxdb_server):
    """Open a bucket by name, with the administrator's token or another."""
    opened = []

    def opener(name: str, token: str = influxdb_server.token) -> InfluxBucket:
        opened.append(InfluxBucket(InfluxDBClient(url=influxdb_server.url, token=token, org=influxdb_server.org), name))
        return opened[-1]

    yield opener
    for bucket in opened:
        bucket.__exit__(None, None, None)


@pytest.fixture
def bucket(influxdb_server, open_bucket):
    return open_bucket(influxdb_server.new_bucket())


def candles(*minutes: int) -> Candles:
    return Candles.from_rows([(DAY.start_ms + m * MINUTE_MS, 1.1, 2.2, 0.3, 1.7, 0.1 + m) for m in minutes])


def minutes(first: int, last: int) -> Window:
    return Window(DAY.start_ms + first * MINUTE_MS, DAY.start_ms + last * MINUTE_MS)


def test_candles_come_back_to_the_last_bit(bucket):
    store = CandleStore(bucket)
    store.write_exchange_candles("BTC/USD", "kraken", "BTC/USD", candles(0, 1, 3))
    store.write_exchange_candles("BTC/USD", "htx", "BTC/USDT", candles(1))
    store.write_exchange_candles("ETH/USD", "kraken", "ETH/USD", candles(2))
    found = store.read_exchange_candles("BTC/USD", ["kraken", "htx", "binance"], minutes(0, 3))
    assert {name: part.rows() for name, part in found.items()} == {
        "kraken": candles(0, 1).rows(),
        "htx": candles(1).rows(),
        "binance": [],
    }


EXTRAS = {0: (1.5, 12, 0.1), 1: (1e-9, 0, 0.0), 3: (float("nan"),) * 3, 4: (2.5, 3, float("nan"))}


def candles_with_extras() -> Candles:
    return Candles.from_rows([(DAY.start_ms + m * MINUTE_MS, 1.1, 2.2, 0.3, 1.7, 2.0, *EXTRAS[m]) for m in EXTRAS])


def test_extras_come_back_to_the_last_bit(bucket):
    store, written = CandleStore(bucket), candles_with_extras()
    store.write_exchange_candles("BTC/USD", "kraken", "BTC/USD", written)
    found = store.read_exchange_candles("BTC/USD", ["kraken"], DAY)["kraken"]
    assert (found.rows(), found.extras.tobytes()) == (written.rows(), written.extras.tobytes())


def test_merged_columns_come_back_and_vanish_with_a_merge_that_lacks_them(bucket):
    store = CandleStore(bucket)
    both = {"binance": candles_with_extras(), "kraken": candles(2)}
    for by_exchange in ({"binance": candles_with_extras()}, both, {**both, "kraken": candles(0, 2, 4)}):
        merged = merge_candles(by_exchange)
        store.write_merged("ETH/USD", merge_candles({"binance": candles_with_extras()}))
        store.write_merged("BTC/USD", merged)
        found = store.read_merged("BTC/USD", DAY)
        assert found.candles.rows() == merged.candles.rows()
        assert found.source_exchanges == merged.source_exchanges
        np.testing.assert_array_equal([found.vwap, found.trade_count], [merged.vwap, merged.trade_count])
    np.testing.assert_array_equal(np.isnan(store.read_merged("ETH/USD", DAY).vwap), [False, False, True, False])


def test_a_hostile_name_is_a_value_and_never_a_query(bucket):
    hostile = 'BTC/USD" or r.x == "\\ ,=\n${}'
    CandleStore(bucket).write_exchange_candles("BTC/USD", "kraken", "BTC/USD", candles(0))
    assert CandleStore(bucket).read_exchange_candles(hostile, ["kraken"], DAY)["kraken"].rows() == []


def test_an_unreachable_influxdb_is_temporary_and_says_so(monkeypatch):
    monkeypatch.setattr(influx_bucket, "FIRST_WAIT_SECONDS", 0.01)
    client = InfluxDBClient(url=f"http://127.0.0.1:{free_port()}", token="any", org="any")
    with (
        InfluxBucket(client, "any") as bucket,
        pytest.raises(TemporaryError, match="Failed to connect to InfluxDB"),
    ):
        bucket.write_lines(["candles value=1 1"])


def test_a_wrong_token_fails_at_once(open_bucket):
    with pytest.raises(ConfigurationError, match="Check the token in influxdb_default"):
        open_bucket("any", token="wrong").write_lines(["candles value=1 1"])


def test_a_missing_bucket_is_made_where_the_token_may(open_bucket):
    bucket = open_bucket("made_by_the_test")
    with pytest.raises(BucketMissingError, match="validate_symbols creates the bucket"):
        bucket.write_lines(["candles value=1 1"])
    bucket.create_if_missing()
    bucket.create_if_missing()
    bucket.write_lines(["candles value=1 1"])


def test_a_missing_bucket_is_an_error_that_says_so_where_the_token_may_not(influxdb_server, open_bucket):
    with InfluxDBClient(url=influxdb_server.url, token=influxdb_server.token, org=influxdb_server.org) as admin:
        [org] = admin.organizations_api().find_organizations(org=influxdb_server.org)
        may_read = Permission(action="read", resource=PermissionResource(org_id=org.id, type="buckets"))
        token = admin.authorizations_api().create_authorization(org_id=org.id, permissions=[may_read]).token
    with pytest.raises(BucketMissingError, match="InfluxDB has no bucket 'nowhere' that this token may see"):
        open_bucket("nowhere", token=token).create_if_missing()


def test_a_watermark_never_moves_back_whoever_writes_at_once(bucket, redis_server):
    watermarks = Watermarks(bucket)

    def move(value: int) -> None:
        with redis_server.client() as client, watermark_lock(client, bucket.name):
            watermarks.advance({"btcusd-backfill": value})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(move, [5, 3, 9, 1, 7, 2, 8, 6]))
    assert watermarks.read(["btcusd-backfill"]) == {"btcusd-backfill": 9}


def answered(ledger: CoverageLedger) -> list[Window]:
    return settled_windows(ledger.entries(DAY, "BTC/USD"))


def test_windows_of_the_same_start_do_not_overwrite_each_other(bucket):
    ledger = CoverageLedger(bucket, MINUTE_MS)
    ledger.record_answered("BTC/USD", "kraken", "BTC/USD", minutes(0, 60), candles(0))
    ledger.record_answered("BTC/USD", "kraken", "BTC/USD", minutes(0, 5), candles(0))
    ledger.record_answered("BTC/USD", "kraken", "BTC/USD", minutes(60, 90), candles())
    assert answered(ledger) == [minutes(0, 90)]


def test_a_failure_takes_nothing_back_that_was_answered(bucket):
    ledger = CoverageLedger(bucket, MINUTE_MS)
    ledger.record_answered("BTC/USD", "kraken", "BTC/USD", minutes(0, 60), candles(0))
    ledger.record_open("BTC/USD", "kraken", [minutes(0, 60), minutes(100, 120)], FAILED, "down")
    assert answered(ledger) == [minutes(0, 60)]
    ledger.record_answered("BTC/USD", "kraken", "BTC/USD", minutes(100, 120), candles())
    assert answered(ledger) == [minutes(0, 60), minutes(100, 120)]


def test_each_further_failure_counts_as_a_try(bucket):
    ledger = CoverageLedger(bucket, MINUTE_MS)
    for reason in ("down", "down still"):
        ledger.record_open("BTC/USD", "kraken", [minutes(0, 60)], FAILED, reason)
    [entry] = ledger.unsettled("BTC/USD")
    assert (entry.tries, entry.reason, entry.is_open) == (2, "down still", True)


def test_a_suspicion_ends_with_what_the_second_answer_said(bucket):
    ledger = CoverageLedger(bucket, MINUTE_MS)
    ledger.record_suspected("BTC/USD", "kraken", [minutes(0, 60), minutes(90, 120)], "silent")
    first, second = sorted(ledger.unsettled("BTC/USD"), key=lambda entry: entry.window)
    assert ledger.settle_suspicion(first, [DAY.start_ms + 5 * MINUTE_MS]) == REPAIRED
    assert ledger.settle_suspicion(second, [DAY.start_ms + 5 * MINUTE_MS]) == CONFIRMED
    assert [entry.outcome for entry in sorted(ledger.unsettled("BTC/USD"), key=lambda entry: entry.window)] == [
        REPAIRED,
        CONFIRMED,
    ]
    assert not any(entry.is_open for entry in ledger.unsettled("BTC/USD"))


def test_windows_over_midnight_are_found_from_both_days(bucket):
    ledger = MergeLedger(bucket, MINUTE_MS)
    over = Window(DAY.end_ms - 10 * MINUTE_MS, DAY.end_ms + 10 * MINUTE_MS)
    ledger.record("BTC/USD", over, candles(), ["kraken"], read_at_ms=7)
    next_day = Window(DAY.end_ms, DAY.end_ms + DAY_MS)
    assert union(merge.window for day in (DAY, next_day) for merge in ledger.merges(day, "BTC/USD")) == [over]


def test_the_minutes_of_a_day_add_up(bucket):
    ledger = CoverageLedger(bucket, MINUTE_MS)
    CandleStore(bucket).write_exchange_candles("BTC/USD", "kraken", "BTC/USD", candles(0, 1, 2))
    ledger.record_answered("BTC/USD", "kraken", "BTC/USD", minutes(0, 60), candles(0, 1, 2))
    ledger.record_open("BTC/USD", "kraken", [minutes(60, 70)], FAILED, "down")
    ledger.record_open("BTC/USD", "kraken", [minutes(70, 75)], REJECTED, "volume negative")
    ledger.record_suspected("BTC/USD", "kraken", [minutes(20, 55)], "silent")
    ledger.record_answered("BTC/USD", "binance", "BTC/USDT", minutes(0, 100), candles())
    ledger.record_answered("ETH/USD", "binance", "ETH/USDT", minutes(0, 100), candles())
    accounts = DailyCoverage(bucket, MINUTE_MS).update("BTC/USD", DAY.start_ms, ledger.entries(DAY, "BTC/USD"))
    assert accounts == {
        "kraken": Account(
            expected=100, present=3, quiet=22, not_listed=0, suspected=35, rejected=5, failed=10, not_asked=25
        ),
        "binance": Account(
            expected=100, present=0, quiet=100, not_listed=0, suspected=0, rejected=0, failed=0, not_asked=0
        ),
    }
    flux = 'from(bucket: bucket) |> range(start: 0) |> filter(fn: (r) => r._measurement == "daily_total")'
    assert {row["_field"]: int(row["_value"]) for row in bucket.query(flux)} == {"expected": 200, "open": 75}
