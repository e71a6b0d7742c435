"""The commands of the terminal on what real runs have stored: text, JSON and exit status."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import time
from types import SimpleNamespace

import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from candle_ingest.__main__ import app
from candle_ingest.candles.dates import parse_moment_ms
from candle_ingest.candles.window import DAY_MS, HOUR_MS, Window, format_ms
from candle_ingest.cli import moments
from candle_ingest.connections import connect_influxdb
from candle_ingest.errors import ConfigurationError
from candle_ingest.errors.symbols import NothingMergedError, SymbolUnknownError
from candle_ingest.ledger.notices import Notices, unlisted_key
from candle_ingest.pipelines import load_pipelines
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.web import views
from candle_ingest.web.address import BadAddressError
from dev.exchange_simulator.coins import utc_ms
from tests.integration.servers.airflow_instance import REPOSITORY
from tests.integration.steps import merged_truth, run_steps, stored

pytestmark = pytest.mark.integration
EXCHANGES = ("binance", "coinbaseexchange")
# No market is silent on it for long, nor at its end.
DAY = Window(utc_ms("2026-03-11"), utc_ms("2026-03-12"))
# The present of the commands and of the exchanges: the day was requested after it was over, and so is closed.
NOW_MS = DAY.end_ms + 2 * HOUR_MS
NOON_MS = DAY.start_ms + DAY_MS // 2


@pytest.fixture
def settings(connections, influxdb_server, monkeypatch):
    """A pipeline with one day of history, not filled yet."""
    clock = SimpleNamespace(time_ns=lambda: NOW_MS * 1_000_000)
    monkeypatch.setattr(moments, "time", clock)
    variables = {
        "CANDLE_INGEST_EXCHANGES": ",".join(EXCHANGES),
        "CANDLE_INGEST_INFLUXDB_BUCKET": influxdb_server.new_bucket(),
        "CANDLE_INGEST_BACKFILL_START_DATE": format_ms(DAY.start_ms)[:10],
        # What catch-up fetches of a symbol without a history.
        "CANDLE_INGEST_CATCH_UP_INITIAL_DAYS": "1",
        "CANDLE_INGEST_MIN_EXCHANGES_REQUIRED": "1",
        "CANDLE_INGEST_SETTLE_SECONDS": "0",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load_pipelines()["candle"]


def fill(settings):
    """Fill the whole day, and what has come since."""
    run_steps(settings, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    catch_up(settings, origin_ms=DAY.start_ms)


def catch_up(settings, **options):
    run_steps(settings, "catch_up", Window(NOW_MS - 300_000, NOW_MS), NOW_MS, **options)


def fill_without_coinbase(settings, exchanges):
    exchanges.set_fault("coinbaseexchange", "status", status=503, path="BTC-USD/candles")
    fill(settings)
    exchanges.clear_faults()


@pytest.fixture(scope="module")
def kept():
    """The buckets that several tests read, by how they were filled."""
    return {}


@pytest.fixture
def once(kept, settings, influxdb_server, monkeypatch):
    """`once(how, fill_it)`: the pipeline with the bucket that was filled so, by this test or before."""

    def pipeline(how, fill_it):
        if how not in kept:
            fill_it()
            influxdb_server.keep(settings.influxdb_bucket)
            kept[how] = settings.influxdb_bucket
        monkeypatch.setenv("CANDLE_INGEST_INFLUXDB_BUCKET", kept[how])
        return load_pipelines()["candle"]

    return pipeline


@pytest.fixture
def filled(settings, once):
    """The pipeline with the whole day: filled once for all tests that only read it."""
    return once("filled", lambda: fill(settings))


@pytest.fixture
def without_coinbase(settings, exchanges, once):
    """The pipeline with a day on which coinbaseexchange failed: filled once for all tests that only read it."""
    return once("failed", lambda: fill_without_coinbase(settings, exchanges))


@pytest.fixture
def at_true_time(monkeypatch):
    """Let the commands have the clock by which calls are counted."""
    monkeypatch.setattr(moments, "time", time)


def text(*command: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, command)
    assert done.exit_code == status, (done.output, done.exception)
    return done.output


def content(*command: str, status: int = 0) -> dict:
    return json.loads(text(*command, "--json", status=status).splitlines()[-1])


def rows(output: str) -> dict[str, list[str]]:
    """Return the cells of each line of the table by its first one; sentences follow the table."""
    found = {}
    for line in output.splitlines():
        if line.strip():
            found.setdefault(line.split()[0], line.split())
    return found


def export(path, *options: str, status: int = 0) -> str:
    window = ("--from", format_ms(DAY.start_ms), "--to", format_ms(DAY.end_ms))
    return text("export", "BTC/USD", *window, "--to-file", str(path), *options, status=status)


@pytest.mark.usefixtures("filled")
def test_a_pipeline_that_has_done_its_work_is_complete():
    assert rows(text("status"))["BTC/USD"][1] == "yes"
    [found] = content("status")["symbols"]
    assert found["up_to_date"]
    assert found["backfill_ms"] == DAY.end_ms - 60_000
    assert found["catch_up_ms"] + 60_000 == found["merged_up_to_ms"]
    assert NOW_MS - found["merged_up_to_ms"] < 60_000


def test_without_its_history_a_pipeline_is_not_complete(settings):
    catch_up(settings)
    [found] = content("status", status=1)["symbols"]
    assert (found["up_to_date"], found["merged_up_to_ms"], found["state"]) == (False, None, "on time")
    assert rows(text("status", status=1))["BTC/USD"][1] == "no"


def test_coverage_counts_every_minute_once(filled):
    output = text("coverage")
    assert "every minute is accounted for" in output
    answer = content("coverage", "--exchanges")
    found = {row["exchange"]: row for row in answer["rows"]}
    assert set(found) == set(EXCHANGES)
    rates = {(row["currency_pair"], row["exchange"]) for row in answer["rates"]}
    assert rates == {("USDT/USD", name) for name in ("bitstamp", "coinbaseexchange", "kraken")}
    assert "USDT/USD, rate" in text("coverage", "--exchanges")
    for name, row in found.items():
        assert row["expected"] == 1440
        assert row["present"] == len(own_candles(filled, name))
        assert row["present"] + row["quiet"] == 1440


def own_candles(settings, exchange):
    found = stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", exchange)
    return [row for row in found if DAY.start_ms <= row[0] < DAY.end_ms]


@pytest.mark.usefixtures("without_coinbase")
def test_coverage_tells_what_failed_and_what_nobody_asked_for():
    before = format_ms(DAY.start_ms - DAY_MS)[:10]
    found = content("coverage", "--from", before, "--daily", status=1)["rows"]
    open_minutes = [(row["exchange"], row["day_ms"], row["failed"], row["not_asked"]) for row in found]
    assert open_minutes == [
        ("binance", DAY.start_ms - DAY_MS, 0, 1440),
        ("binance", DAY.start_ms, 0, 0),
        ("coinbaseexchange", DAY.start_ms - DAY_MS, 0, 1440),
        ("coinbaseexchange", DAY.start_ms, 1440, 0),
    ]
    output = text("coverage", "--from", before, status=1)
    assert "1,440 minutes are open; 2,880 minutes are before the history" in output


@pytest.mark.usefixtures("filled")
def test_a_symbol_that_was_never_asked_for_is_open(redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethusd"]))
    assert rows(text("coverage", status=1))["ETH/USD"][-1] == "2,880"
    assert [symbol["up_to_date"] for symbol in content("status", status=1)["symbols"]] == [True, False]


@pytest.mark.parametrize(
    "series", ["day_records,currency_pair=ETH/USD,exchange=binance", "merge_days,currency_pair=ETH/USD"]
)
def test_one_unreadable_record_hides_no_other_symbol(settings, redis_server, series):
    fill(settings)
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethusd"]))
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        bucket.write_lines([f'{series} record="{{}}",failed=5i {DAY.start_ms}'])
        # A hole of the day is what makes the summary read its records.
        bucket.write_lines([f"merge_days,currency_pair=ETH/USD failed=5i {DAY.start_ms}"])
        watermark = "processing_state,service_identifier=candle_ingestor,key=ethusd-backfill"
        bucket.write_lines([f"{watermark} last_processed_timestamp_ms={DAY.start_ms - 60_000}i {NOW_MS}"])
    output = text("status", status=1)
    assert rows(output)["BTC/USD"][1] == "yes"
    assert rows(output)["ETH/USD"][1] == "no"
    assert f"the point of {series.partition(',')[0]} is not the record of a" in output
    assert "[record-unreadable]" in output
    answer = content("status", status=1)
    assert [found["up_to_date"] for found in answer["symbols"]] == [True, False]
    shown = views.holes(settings, 7, NOW_MS)
    assert list(shown["unreadable"]) == (["ETH/USD"] if series.startswith("day_records") else [])


@pytest.mark.usefixtures("filled")
def test_a_candle_is_explained():
    moment = format_ms(NOON_MS)
    found = content("explain", "btcusd", moment)
    [truth] = merged_truth(EXCHANGES, Window(NOON_MS, NOON_MS + 60_000), known_from_ms=DAY.start_ms)
    assert list(found["stored"].values()) == list(truth[1:])
    assert [(part["exchange"], part["market"]) for part in found["parts"]] == [
        ("binance", "BTC/USDT"),
        ("coinbaseexchange", "BTC/USD"),
    ]
    volumes = [part["candle"]["volume"] for part in found["parts"]]
    assert found["parts"][0]["weight"] == pytest.approx(volumes[0] / sum(volumes))
    assert sum(part["percent"] for part in found["parts"]) == pytest.approx(100)
    output = text("explain", "BTC/USD", moment)
    assert re.search(r"binance: used, BTC/USDT × [01]\.\d+ \(USDT/USD: bitstamp, coinbaseexchange, kraken\)", output)
    assert output.splitlines()[-1].startswith("Complete: the stored candle matches its parts. Grade B")


@pytest.mark.usefixtures("filled")
def test_without_a_time_the_last_final_candle_is_explained():
    found = content("explain", "btcusd")
    assert found["open_time_ms"] == DAY.end_ms - 60_000
    assert "Grade B, final." in found["verdict"]


@pytest.mark.parametrize(
    "command",
    [
        ["explain", "btc/uds"],
        ["export", "btc/uds", "--from", "2026-03-10", "--to", "2026-03-11", "--to-file", "x.csv", "--allow-incomplete"],
        ["retry", "--symbols", "btcusd,btc/uds"],
        ["doctor", "--compare", "2026-03-10", "--symbol", "btc/uds"],
    ],
    ids=lambda command: command[0],
)
def test_a_misspelt_symbol_is_named_with_near_ones(settings, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SymbolUnknownError, match="BTC/UDS is neither listed in Redis nor stored; did you mean BTC/USD"):
        CliRunner().invoke(app, command, catch_exceptions=False)
    assert not list(tmp_path.iterdir())


def test_a_symbol_of_which_nothing_is_merged_says_so(settings, redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethusd"]))
    catch_up(settings, params={"symbols": ["btcusd"]})
    with pytest.raises(NothingMergedError, match="no candle of ETH/USD is merged yet"):
        CliRunner().invoke(app, ["explain", "ethusd"], catch_exceptions=False)


@pytest.mark.usefixtures("filled")
def test_of_a_symbol_that_left_redis_no_run_is_promised(redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["ethusd"]))
    output = text("explain", "BTC/USD", format_ms(DAY.end_ms + 12 * HOUR_MS), status=1)
    assert output.splitlines()[-1] == "Not asked for. BTC/USD is not in Redis: no run requests it by itself."


@pytest.mark.usefixtures("without_coinbase")
def test_what_was_left_out_of_a_candle_is_named_with_its_reason():
    output = text("explain", "BTC/USD", format_ms(NOON_MS), status=1)
    [line] = [line for line in output.splitlines() if line.startswith("coinbaseexchange: failed: ")]
    assert "503" in line
    found = content("explain", "BTC/USD", format_ms(NOON_MS), status=1)
    assert (found["complete"], found["merged"]) == (False, True)
    assert found["verdict"].startswith("Merged, but not complete. coinbaseexchange failed: ")


def test_what_is_not_merged_says_what_is_needed(settings, exchanges, monkeypatch):
    monkeypatch.setenv("CANDLE_INGEST_MIN_EXCHANGES_REQUIRED", "2")
    fill_without_coinbase(load_pipelines()["candle"], exchanges)
    found = content("explain", "BTC/USD", format_ms(NOON_MS), status=1)
    assert found["verdict"].startswith("Not merged: 1 of 2 needed answered. coinbaseexchange failed: ")
    assert found["verdict"].endswith("Stored: the candles of binance.")
    assert (found["stored"], found["computed"]["volume"] > 0) == (None, True)


@pytest.mark.usefixtures("filled", "at_true_time")
def test_the_exchanges_are_counted():
    found = {row["exchange"]: row for row in content("exchanges")["exchanges"]}
    assert {name: (row["state"], row["ok"], row["failed"]) for name, row in found.items()} == {
        "binance": ("up", 2, 0),
        "coinbaseexchange": ("up", 4, 0),
        # Only for the rate of USDT.
        "bitstamp": ("up", 2, 0),
        "kraken": ("up", 2, 0),
    }
    assert rows(text("exchanges"))["binance"][1] == "up"


@pytest.mark.usefixtures("without_coinbase", "at_true_time")
def test_an_exchange_that_fails_is_named_with_its_reason():
    output = text("exchanges", status=1)
    # Its USDT/USD still answers.
    assert rows(output)["coinbaseexchange"][1:3] == ["partly", "failing"]
    assert "coinbaseexchange, BTC/USD" in output
    assert "503" in output


@pytest.mark.parametrize("name", ["candles.csv", "candles.parquet"])
@pytest.mark.usefixtures("filled")
def test_an_export_is_the_merged_candles(tmp_path, name):
    truth = merged_truth(EXCHANGES, DAY)
    assert f"{len(truth):,} candles in" in export(tmp_path / name)
    found = read_file(tmp_path / name)
    assert [tuple(row[:6]) for row in found] == [tuple(row) for row in truth]
    assert {tuple(row[6:]) for row in found} <= {(2, "binance,coinbaseexchange"), (1, "binance"), (1, EXCHANGES[1])}
    assert list(tmp_path.iterdir()) == [tmp_path / name]


def read_file(path):
    if path.suffix == ".parquet":
        columns = parquet.read_table(path).to_pydict()
        table = zip(*columns.values(), strict=True)
        return [(int(row[0].timestamp() * 1000), *row[1:8]) for row in table]
    with path.open() as file:
        table = list(csv.reader(file))[1:]
    return [(parse_moment_ms(row[0]), *map(float, row[1:6]), int(row[6]), row[7]) for row in table]


@pytest.mark.usefixtures("without_coinbase")
def test_an_export_is_refused_where_an_exchange_is_open_unless_one_says_so(tmp_path):
    path = tmp_path / "candles.csv"
    assert "no settled answer of coinbaseexchange for" in export(path, status=1)
    assert not path.exists()
    [part] = json.loads(export(path, "--allow-incomplete", "--json").splitlines()[-1])["open"]
    assert part["source"] == "coinbaseexchange"
    assert len(read_file(path)) == len(merged_truth(EXCHANGES[:1], DAY))


@pytest.mark.usefixtures("filled")
def test_an_export_beyond_what_is_merged_is_refused(tmp_path):
    command = ["export", "BTC/USD", "--from", format_ms(DAY.start_ms - DAY_MS), "--to", format_ms(DAY.end_ms)]
    output = text(*command, "--to-file", str(tmp_path / "candles.csv"), status=1)
    assert f"BTC/USD: not merged for {Window(DAY.start_ms - DAY_MS, DAY.start_ms)}" in output


@pytest.mark.usefixtures("filled")
def test_an_export_up_to_tomorrow_ends_where_candles_can_be(tmp_path):
    path, tomorrow = tmp_path / "candles.csv", format_ms(DAY.end_ms + 2 * DAY_MS)
    command = ["export", "BTC/USD", "--from", format_ms(DAY.start_ms), "--to", tomorrow, "--to-file", str(path)]
    refused = text(*command, status=1)
    assert "The export ends at " in refused
    assert "not merged" not in refused
    assert "no settled answer" not in refused
    assert "--allow-provisional writes them" in refused
    allowed = text(*command, "--allow-provisional")
    assert re.search(
        rf"Empty cells: vwap in [\d,]+ of [\d,]+ candles \({EXCHANGES[1]} sends no quote volume\); trade_", allowed
    )
    assert read_file(path)[-1][0] >= DAY.end_ms


def test_an_export_of_the_future_is_refused(settings, tmp_path):
    catch_up(settings)
    command = ["export", "BTC/USD", "--from", "2100-01-01", "--to", "2100-01-02", "--to-file", str(tmp_path / "a.csv")]
    with pytest.raises(ConfigurationError, match="--from is 2100-01-01T00:00Z: there are candles only up to 20"):
        CliRunner().invoke(app, command, catch_exceptions=False)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["coverage", "--from", "yesterday"], "--from is 'yesterday'; write"),
        (["coverage", "--from", "2026-03-02", "--to", "2026-03-01"], "is not after --from"),
        (["export", "BTC/USD", "--from", "2026-03-01", "--to", "2026-03-02", "--to-file", "a.xls"], "ends in .parquet"),
    ],
)
def test_a_wrong_option_is_named(settings, command, message):
    with pytest.raises(ConfigurationError, match=message):
        CliRunner().invoke(app, command, catch_exceptions=False)


def test_a_program_that_asks_gets_the_answer_and_nothing_else(settings):
    command = [REPOSITORY / "bin" / "candle-ingest", "status", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert [symbol["ticker"] for symbol in json.loads(done.stdout)["symbols"]] == ["btcusd"]


def test_a_symbol_that_too_few_exchanges_list_says_so(filled, redis_server, tmp_path):
    redis_server.client().set("top_cryptocurrencies", '["btcusd", "abcusd"]')
    notices = Notices(redis_server.client(decodes=False), filled.influxdb_bucket)
    notices.queue_once({unlisted_key("ABC/USD"): "ABC/USD is left out"}, [])
    output = text("status", status=1)
    assert "too few exchanges list ABC/USD" in output
    assert "The only symbol is merged to" in output
    assert output.rstrip().endswith("Too few exchanges list ABC/USD.")
    explained = text("explain", "ABC/USD", "2026-03-10T12:00Z", status=1)
    assert "Not asked for. Too few exchanges list ABC/USD: check its spelling" in explained
    with pytest.raises(NothingMergedError, match="no candle of ABC/USD is merged: too few exchanges list ABC/USD"):
        CliRunner().invoke(app, ["explain", "ABC/USD"], catch_exceptions=False)
    window = ("--from", format_ms(DAY.start_ms), "--to", format_ms(DAY.end_ms))
    refused = text("export", "ABC/USD", *window, "--to-file", str(tmp_path / "abc.csv"), status=1)
    assert f"ABC/USD: not merged for {DAY}: too few exchanges list ABC/USD" in refused
    assert "no settled answer" not in refused
    states = {symbol["currency_pair"]: symbol["state"] for symbol in views.freshness(filled, NOW_MS)["symbols"]}
    assert states["ABC/USD"] == "too few exchanges"
    assert "Too few exchanges list ABC/USD." in views.summary(filled, NOW_MS)["sentence"]
    verdict = views.explain(filled, "ABC/USD", DAY.start_ms, NOW_MS)["verdict"]["text"]
    assert verdict.startswith("Too few exchanges list")
    assert views.day(filled, "ABC/USD", DAY, NOW_MS)["when_asked"].startswith("Too few exchanges list ABC/USD")
    with pytest.raises(BadAddressError, match="too few exchanges list ABC/USD"):
        views.explain(filled, "ABC/USD", None, NOW_MS)
