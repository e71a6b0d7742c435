"""The bucket, the ledger and the watermarks, in a real InfluxDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from influxdb_client import InfluxDBClient, Permission, PermissionResource

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.quality import Quality
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.errors import ConfigurationError, TemporaryError
from candle_ingest.errors.ledger import UnreadableRecordError
from candle_ingest.errors.servers import BucketMissingError, StoredCandlesError
from candle_ingest.ledger.day_record import ClosingRule, DayRecord, RecordState, new_day_record
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.fold import fold
from candle_ingest.ledger.look import Look, Surroundings
from candle_ingest.ledger.watermarks import Watermarks, advance_together
from candle_ingest.store import bucket as influx_bucket
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore
from candle_ingest.store.candles_of_pairs import CandlesOfPairs
from candle_ingest.store.quality_store import QualityStore
from dev.local_stack.ports import free_port
from tests.support.merge_candles import merge_candles

pytestmark = pytest.mark.integration
DAY = Window(20_000 * DAY_MS, 20_001 * DAY_MS)
EXTRAS = {0: (1.5, 12, 0.1), 1: (1e-9, 0, 0.0), 3: (float("nan"),) * 3, 4: (2.5, 3, float("nan"))}


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
        store.write_merged({"ETH/USD": merge_candles({"binance": candles_with_extras()}), "BTC/USD": merged})
        found = store.read_merged("BTC/USD", DAY)
        assert found.candles.rows() == merged.candles.rows()
        assert found.source_exchanges == merged.source_exchanges
        np.testing.assert_array_equal([found.vwap, found.trade_count], [merged.vwap, merged.trade_count])
    np.testing.assert_array_equal(np.isnan(store.read_merged("ETH/USD", DAY).vwap), [False, False, True, False])


def test_a_corrected_candle_keeps_nothing_of_the_one_before(bucket):
    store, corrected = CandleStore(bucket), candles(0, 4)
    for pair, exchange in (("BTC/USD", "kraken"), ("BTC/USD", "htx"), ("ETH/USD", "kraken")):
        store.write_exchange_candles(pair, exchange, pair, candles_with_extras())
    store.write_candles_of("kraken", [("BTC/USD", "BTC/USD", corrected), ("SOL/USD", "SOL/USD", candles(1))])
    found = store.read_exchange_candles("BTC/USD", ["kraken", "htx"], DAY)
    untouched = store.read_exchange_candles("ETH/USD", ["kraken"], DAY)["kraken"]
    expected = candles_with_extras().extras
    assert found["kraken"].select([0, 3]).rows() == corrected.rows()
    np.testing.assert_array_equal(found["htx"].extras, expected)
    np.testing.assert_array_equal(untouched.extras, expected)
    expected[[0, 3]] = np.nan
    np.testing.assert_array_equal(found["kraken"].extras, expected)


def test_a_quality_keeps_no_rate_of_a_quote_that_its_pair_has_no_more(bucket):
    store, times = QualityStore(bucket), np.array([DAY.start_ms, DAY.start_ms + MINUTE_MS])

    def quality(count, **rates):
        texts = [""] * count
        return Quality(
            times[:count], np.ones(count), texts, texts, texts, {k: np.full(count, v) for k, v in rates.items()}
        )

    for pair in ("BTC/USD", "ETH/USD"):
        store.write({pair: quality(2, USDT=0.998, USDC=0.999)})
    store.write({"BTC/USD": quality(1, USDT=0.997), "SOL/USD": quality(1)})
    rates = store.read("BTC/USD", DAY).rates
    np.testing.assert_array_equal([rates["USDT"], rates["USDC"]], [[0.997, 0.998], [np.nan, 0.999]])
    np.testing.assert_array_equal(store.read("ETH/USD", DAY).rates["USDC"], [0.999, 0.999])


@pytest.mark.parametrize("count", [1, 3, 40])
def test_candles_of_many_pairs_are_those_of_each(bucket, count):
    store, pairs, names = CandleStore(bucket), [f"SIM{n}/USD" for n in range(count)], ("kraken", "htx")
    for name in names:
        store.write_candles_of(name, [(pair, pair, candles_with_extras()) for pair in pairs[1:]])
    store.write_exchange_candles("OTHER/USD", "kraken", "OTHER/USD", candles(0))
    found = CandlesOfPairs(bucket, {**{key: [minutes(0, 3)] for key in pairs}, "NONE/USD": []}, names)
    for pair in pairs:
        expected = store.read_exchange_candles(pair, names, minutes(0, 3))
        own = found.of(pair, names)
        assert {name: (own[name].rows(), own[name].extras.tobytes()) for name in names} == {
            name: (expected[name].rows(), expected[name].extras.tobytes()) for name in names
        }
    assert found.of("NONE/USD", names) == {}


@pytest.mark.parametrize("fields", ["close=1.0", 'quote_volume="twelve"'])
def test_a_broken_candle_among_many_is_the_error_of_its_pair_only(bucket, fields):
    store = CandleStore(bucket)
    store.write_candles_of("kraken", [(pair, pair, candles(0)) for pair in ("BTC/USD", "ETH/USD")])
    bucket.write_lines([f"exchange_candles,currency_pair=ETH/USD,exchange=kraken {fields} {DAY.start_ms + MINUTE_MS}"])
    found = CandlesOfPairs(bucket, {key: [minutes(0, 3)] for key in ("BTC/USD", "ETH/USD")}, ["kraken"])
    assert found.of("BTC/USD", ["kraken"])["kraken"].rows() == candles(0).rows()
    with pytest.raises(StoredCandlesError, match="ETH/USD @ kraken"):
        found.of("ETH/USD", ["kraken"])


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
    with pytest.raises(BucketMissingError, match=r'404: bucket "made_by_the_test" not found\. validate'):
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
        with redis_server.client() as client:
            advance_together(client, watermarks, {"btcusd-backfill": value}, {})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(move, [5, 3, 9, 1, 7, 2, 8, 6]))
    assert watermarks.read(["btcusd-backfill"]) == {"btcusd-backfill": 9}


def day_record(pair: str, exchange: str, version: int = 5) -> DayRecord:
    times_ms = DAY.start_ms + np.arange(0, 1440, dtype=np.int64) * MINUTE_MS
    look = Look(
        window=DAY,
        asked_at_ms=DAY.end_ms + 2 * 3_600_000,
        version=version,
        market=pair,
        open_times_ms=times_ms,
        traded_ms=times_ms,
        closing=DAY,
    )
    return fold(new_day_record(pair, exchange, DAY.start_ms, MINUTE_MS), look, Surroundings())


def test_records_of_days_come_back_as_they_were_written(bucket):
    records, rule = DayRecords(bucket), ClosingRule(3_600_000)
    written = [day_record(f"C{n}/USD", name) for n in range(40) for name in ("kraken", "htx")]
    records.write((record, rule) for record in written)
    found = records.read(DAY)
    assert sorted(found) == sorted((r.currency_pair, r.exchange, r.day_ms) for r in written)
    assert [found[key] for key in sorted(found)] == sorted(written, key=lambda r: (r.currency_pair, r.exchange))
    assert list(records.read(DAY, {"C3/USD"}, "htx").values()) == [day_record("C3/USD", "htx")]
    assert records.read(DAY, set()) == {}
    [summary] = [s for s in records.summaries(DAY, {"C7/USD"})[0] if s.exchange == "kraken"]
    assert (summary.state, summary.counts.present) == (RecordState.FINAL, 1440)


def test_a_merge_and_a_fetch_write_the_same_point_without_undoing_each_other(bucket):
    records, rule, record = DayRecords(bucket), ClosingRule(3_600_000), day_record("BTC/USD", "kraken")
    records.write([(record, rule)])
    records.write_merged_versions([(record, record.answered_version)])
    records.write([(record, rule)])
    [found] = records.read(DAY).values()
    assert (found.merged_version, found.unmerged()) == (5, [])


def test_a_record_that_another_program_changed_is_an_error_that_names_it(bucket):
    bucket.write_lines([f'day_records,currency_pair=BTC/USD,exchange=kraken record="{{}}" {DAY.start_ms}'])
    with pytest.raises(UnreadableRecordError, match="not the record of a day"):
        DayRecords(bucket).read(DAY)
