"""`candle-ingest doctor`: against the simulated exchanges all is well, and each fact that one breaks is found."""

from __future__ import annotations

import json
import time

import pytest
from typer.testing import CliRunner

from candle_ingest.__main__ import app
from candle_ingest.candles.candles import Candles
from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.connections import ExchangeConnection, connect_influxdb
from candle_ingest.doctor.examination import examine, open_exchange
from candle_ingest.doctor.exchange_under_test import ExchangeUnderTest
from candle_ingest.doctor.expectations import EXPECTATIONS
from candle_ingest.doctor.finding import Verdict
from candle_ingest.doctor.publication import measure_publication
from candle_ingest.doctor.stored_findings import read_findings
from candle_ingest.exchanges import request_gate
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.profiles import PROFILES
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.market_events import MarketEvent
from dev.exchange_simulator.synthetic_market import true_candles

pytestmark = pytest.mark.integration
# A quarter past six and 20 seconds, on a day without outages at that time.
NOW_MS = utc_ms("2026-03-10") + 6 * 3_600_000 + 15 * MINUTE_MS + 20_000
# Which finding shows each fact that the simulator can break, and on which exchanges it is tried.
ALL = tuple(EXPECTATIONS)
WITH_ENDS = tuple(name for name in ALL if name != "kraken")
FALSIFIED = {
    "rows": ("rows", ALL),
    "order": ("order", ALL),
    "start": ("ends", ALL),
    "end": ("ends", WITH_ENDS),
    "beyond": ("ends", WITH_ENDS),
    "quiet": ("quiet minutes", ALL),
    "gap": ("gaps", tuple(name for name in ALL if name != "bitstamp")),
    "double_row": ("double rows", ("bitstamp",)),
    "unfinished": ("unfinished flag", ("okx", "gate")),
    "volume": ("volume", ALL),
    "quote_volume": ("volume", ("binance", "binanceus", "kucoin", "htx", "okx", "bybit", "gate")),
    "vwap": ("vwap", ("kraken",)),
    "trade_count": ("trade count", ("binance", "binanceus", "kraken", "htx")),
    "taker_volume": ("taker volume", ("binance", "binanceus")),
    "history": ("history", ALL),
    "timeframes": ("timeframes", ALL),
    "day": ("timeframes", tuple(name for name in ALL if name != "htx")),
    "shifted_day": ("shifted days", ("htx",)),
    "symbols": ("symbols", ("kraken",)),
    "pace": ("pace", ALL),
    "date": ("date", ALL),
    "age": ("age", ALL),
    "limit_headers": ("limit headers", ("binance", "binanceus", "kucoin", "gate")),
    "cursor": ("trades cursor", ("kraken",)),
}
# The same falsehood, seen in another fact.
FALSEHOODS = {"vwap": "quote_volume", "shifted_day": "day"}
CASES = [(fact, finding, name) for fact, (finding, names) in FALSIFIED.items() for name in names]
# Bitstamp's candle of that day comes twice, the last one right.
DOUBLED_MS = EXPECTATIONS["bitstamp"].doubled_day_ms or 0
DOUBLED = MarketEvent(kind="double_row", exchange="bitstamp", start_ms=DOUBLED_MS, end_ms=DOUBLED_MS + MINUTE_MS)


class HandClock:
    """The time of the exchanges and of the doctor, moved by hand."""

    def __init__(self, simulator) -> None:
        self.simulator = simulator
        self.sleep_until(NOW_MS)

    def sleep_until(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.simulator.set_clock(now_ms)

    def sleep(self, seconds: float) -> None:
        self.sleep_until(self.now_ms + int(seconds * 1000))

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture(autouse=True)
def clock(exchanges, monkeypatch) -> HandClock:
    monkeypatch.setattr(request_gate, "FIRST_WAIT_SECONDS", 0.001)
    exchanges.add_events([DOUBLED])
    return HandClock(exchanges)


def under_test(exchanges, name: str, clock: HandClock) -> ExchangeUnderTest:
    client = ExchangeClient(ExchangeConnection(name, exchanges.exchange_url(name)), sleep=lambda _: None)
    # The simulated clock stands still: ccxt must not take its own time for the end of a range.
    client._api.milliseconds = clock
    client._api.seconds = lambda: clock() // 1000
    client._api.enableRateLimit = False
    found = open_exchange(client, clock)
    assert found is not None
    return found


def test_every_exchange_of_the_table_can_be_examined():
    assert set(EXPECTATIONS) == set(PROFILES)


@pytest.mark.parametrize("name", EXPECTATIONS)
def test_a_sound_exchange_passes_each_check(exchanges, clock, name):
    findings = examine(under_test(exchanges, name, clock))
    assert [finding for finding in findings if finding.verdict is not Verdict.AS_EXPECTED] == []
    assert {"market list", "rows", "order", "ends", "quiet minutes", "volume"} <= {f.fact for f in findings}


def test_zeros_are_written_as_words_or_without_a_sign(exchanges, clock):
    clock.sleep(0.3)
    seen = {finding.fact: finding.seen for finding in examine(under_test(exchanges, "binance", clock))}
    assert seen["rows"].endswith(", none missing at either end")
    assert seen["date"] == "0 s"


@pytest.mark.parametrize(("fact", "finding", "name"), CASES)
def test_a_fact_that_is_false_is_found(exchanges, clock, fact, finding, name):
    examined = under_test(exchanges, name, clock)
    if fact != "symbols":
        assert examined.markets
    exchanges.set_fault(name, "false_fact", fact=FALSEHOODS.get(fact, fact))
    found = {f.fact: f for f in examine(examined)}
    assert not found[finding].is_harmless, found[finding]


@pytest.mark.parametrize("name", ["binance", "kraken"])
def test_a_market_list_without_the_main_market_is_found(exchanges, clock, name):
    exchanges.set_fault(name, "gone", market=EXPECTATIONS[name].main_market)
    found = {f.fact: f for f in examine(under_test(exchanges, name, clock))}
    assert found["market list"].verdict is Verdict.DIFFERS


def test_an_exchange_that_does_not_answer_is_one_finding(exchanges, clock):
    exchanges.set_fault("okx", "status", status=503)
    [finding] = examine(under_test(exchanges, "okx", clock))
    assert (finding.fact, finding.verdict) == ("market list", Verdict.NO_ANSWER)
    assert "503" in finding.seen


def test_the_publication_delay_is_the_time_until_the_last_value(exchanges, clock):
    late = MarketEvent(
        kind="hidden", exchange="kraken", start_ms=NOW_MS - 3_600_000, end_ms=NOW_MS + 3_600_000, delay_seconds=600
    )
    revised = MarketEvent(
        kind="revised", exchange="okx", start_ms=NOW_MS - 3_600_000, end_ms=NOW_MS + 3_600_000, delay_seconds=15
    )
    exchanges.add_events([late, revised])
    subjects = [under_test(exchanges, name, clock) for name in ("binance", "kraken", "okx", "coinbaseexchange")]
    binance, kraken, okx, coinbase = measure_publication(subjects, 3, clock.sleep)
    assert (binance.seen, binance.verdict) == ("median 1 s, worst 1 s", Verdict.AS_EXPECTED)
    assert (kraken.seen, kraken.verdict) == ("none of 3 candles within 60 s", Verdict.DIFFERS)
    assert (okx.seen, okx.verdict) == ("median 20 s, worst 20 s", Verdict.AS_EXPECTED)
    assert coinbase.verdict is Verdict.AS_EXPECTED


@pytest.fixture
def terminal(exchanges, make_settings, monkeypatch, redis_server):
    """Run the command for a pipeline of two exchanges: returns a function of its arguments."""
    exchanges.set_clock(None)
    redis_server.client().flushdb()
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd"]))
    settings = make_settings(("binance", "kucoin"), quote_conversion="par")
    monkeypatch.setattr("candle_ingest.cli.doctor_command.pipeline_settings", lambda name: settings)

    def run(*arguments: str):
        return settings, CliRunner().invoke(app, ["doctor", *arguments], catch_exceptions=False)

    return run


def printed(done) -> dict:
    """Return the one line of JSON, without the log."""
    [line] = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return json.loads(line)


def test_the_command_prints_a_table_for_each_exchange_and_stores_what_it_found(terminal):
    settings, done = terminal("--minutes", "0")
    assert done.exit_code == 0, done.output
    assert "binance" in done.output
    assert "as expected" in done.output
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        stored = read_findings(bucket)
    assert {dated.finding.exchange for dated in stored} == {"binance", "kucoin"}
    assert all(dated.finding.verdict is Verdict.AS_EXPECTED for dated in stored)
    assert all(time.time() * 1000 - dated.found_ms < 600_000 for dated in stored)


def test_a_difference_ends_with_status_1_and_is_named(terminal, exchanges):
    exchanges.set_fault("kucoin", "false_fact", fact="order", path="candles")
    _, done = terminal("--minutes", "0", "--json", "--exchange", "kucoin")
    assert done.exit_code == 1
    content = printed(done)
    assert not content["sound"]
    wrong = [finding for finding in content["findings"] if finding["verdict"] == "differs"]
    assert [(finding["exchange"], finding["fact"]) for finding in wrong] == [("kucoin", "order")]


def test_a_stored_day_is_compared_with_a_fresh_answer(terminal):
    day = Window(utc_ms("2026-03-10"), utc_ms("2026-03-11"))
    settings, _ = terminal("--help")
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        rows = [list(row) for row in true_candles("binance", "BTC/USDT", day.start_ms, day.end_ms)]
        rows[100][5] *= 2
        del rows[200]
        CandleStore(bucket).write_exchange_candles("BTC/USD", "binance", "BTC/USDT", Candles.from_rows(rows))
    _, done = terminal("--compare", "2026-03-10", "--json", "--exchange", "binance")
    assert done.exit_code == 1
    [found] = printed(done)["comparisons"]
    assert (found["different"], found["only_fresh"], found["only_stored"]) == (1, 1, 0)
    assert found["equal"] == len(rows) - 1
    assert found["first_difference_ms"] == rows[100][0]


def test_a_stored_day_of_an_unlisted_market_is_reported_as_unanswered(terminal):
    day = Window(utc_ms("2026-03-10"), utc_ms("2026-03-11"))
    settings, _ = terminal("--help")
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        rows = true_candles("binance", "BTC/USDT", day.start_ms, day.end_ms)
        CandleStore(bucket).write_exchange_candles("BTC/USD", "binance", "BTC/GONE", Candles.from_rows(rows))
    _, done = terminal("--compare", "2026-03-10", "--exchange", "binance")
    assert done.exit_code == 1
    assert "BTC/USD @ binance: BTC/GONE is no longer in its list of markets" in done.stdout
    _, done = terminal("--compare", "2026-03-09", "--exchange", "binance")
    assert "Nothing to compare" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--compare", "2026-03-10T12:00Z"), "a UTC day that is over"),
        (("--compare", "2999-01-01"), "a UTC day that is over"),
        (("--exchange", "kraken"), "the pipeline has binance, kucoin"),
    ],
)
def test_a_wrong_value_is_named(terminal, arguments, words):
    with pytest.raises(Exception, match=words):
        terminal(*arguments)
