"""The command line, the control path, recorded candles, and the class that starts the simulator."""

import gzip
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.process import SimulatorProcess
from dev.exchange_simulator.recorded import RecordedCandlesError, load_recorded, parse_recorded_option
from tests.dev.exchange_simulator.ccxt_client import NOW_MS, connect_ccxt

ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-m", "dev.exchange_simulator"]
RECORDED_MS = utc_ms("2022-12-13")
# Two minutes are absent, one has no volume.
RECORDED_CSV = f"""ts,open,high,low,close,volume
{RECORDED_MS},17209.83,17220.5,17200,17215.1,12.5
{RECORDED_MS + 60_000},17215.1,17215.1,17215.1,17215.1,0
{RECORDED_MS + 240_000},17214,17230.25,17213,17230,3.123456
"""


@pytest.fixture
def recorded_file(tmp_path: Path) -> Path:
    path = tmp_path / "candles.csv.gz"
    path.write_bytes(gzip.compress(RECORDED_CSV.encode()))
    return path


def test_recorded_candles_are_served_unchanged(recorded_file: Path, tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    recorded = {"binance:BTC/BUSD": recorded_file, "kraken:BTC/USD": recorded_file}
    with SimulatorProcess(
        limits=False, recorded=recorded, now_ms=RECORDED_MS + 600_000, extra_coins=2, request_log=log
    ) as simulator:
        binance, kraken = connect_ccxt(simulator, "binance"), connect_ccxt(simulator, "kraken")
        rows = binance.fetch_ohlcv("BTC/BUSD", "1m", RECORDED_MS - 3_600_000, 1000)
        assert rows == [
            [RECORDED_MS, 17209.83, 17220.5, 17200.0, 17215.1, 12.5],
            [RECORDED_MS + 60_000, 17215.1, 17215.1, 17215.1, 17215.1, 0.0],
            [RECORDED_MS + 240_000, 17214.0, 17230.25, 17213.0, 17230.0, 3.123456],
        ]
        assert kraken.fetch_ohlcv("BTC/USD", "1m", RECORDED_MS) == rows
        assert binance.fetch_ohlcv("BTC/BUSD", "5m") == [[RECORDED_MS, 17209.83, 17230.25, 17200.0, 17230.0, 15.623456]]
        trades = kraken.fetch_trades("BTC/USD", RECORDED_MS)
        assert sum(trade["amount"] for trade in trades) == pytest.approx(15.623456)
        assert "SIM002/USDT" in binance.markets
        assert "SIM002/USD" in kraken.markets
        assert simulator.health()["recorded"] == list(recorded)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["exchange"] for line in lines} == {"binance", "kraken"}
    assert all(line["outcome"] == "accepted" for line in lines)


@pytest.mark.parametrize(
    ("exchange", "symbol", "content", "words"),
    [
        ("nyse", "BTC/USD", RECORDED_CSV, "no exchange"),
        ("kraken", "BTCUSD", RECORDED_CSV, "is not a market"),
        ("kraken", "BTC/USD", "a,b\n1,2\n", "expected the columns"),
        ("kraken", "BTC/USD", "ts,open,high,low,close,volume\n1000,1,1,1,1,1\n", "ascending whole minutes"),
        ("kraken", "BTC/USD", None, "cannot be read"),
    ],
)
def test_unusable_recordings(exchange: str, symbol: str, content: str | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(RecordedCandlesError, match=words):
        load_recorded(exchange, symbol, path)


def test_recorded_option() -> None:
    assert parse_recorded_option("binance:BTC/USDT=a=b.csv") == ("binance", "BTC/USDT", Path("a=b.csv"))
    with pytest.raises(RecordedCandlesError, match="EXCHANGE:SYMBOL=FILE"):
        parse_recorded_option("binance.csv")


def test_requests_are_counted(simulator: SimulatorProcess) -> None:
    simulator.reset_requests()
    url = simulator.exchange_url("coinbaseexchange")
    for path in ("products/BTC-USD/candles", "products/ETH-USD/candles", "products/NO-PE/candles"):
        requests.get(f"{url}/{path}", params={"granularity": 60}, timeout=5)
    simulator.set_fault("coinbaseexchange", "status", count=1)
    requests.get(f"{url}/products/BTC-USD/candles", timeout=5)
    assert simulator.requests() == {
        "coinbaseexchange": {"/products/{id}/candles": {"total": 4, "accepted": 2, "rejected": 1, "faulted": 1}}
    }
    full = simulator.requests(full=True)
    assert [entry["status"] for entry in full] == [200, 200, 404, 500]
    assert full[0]["query"] == {"granularity": "60"}
    assert full[3]["fault"] == "status"
    simulator.reset_requests()
    assert simulator.requests() == {}


def test_the_clock_can_be_set_and_freed(simulator: SimulatorProcess) -> None:
    url = f"{simulator.exchange_url('binance')}/api/v3/time"
    simulator.set_clock(NOW_MS + 60_000)
    assert requests.get(url, timeout=5).json() == {"serverTime": NOW_MS + 60_000}
    simulator.set_clock(None)
    assert abs(requests.get(url, timeout=5).json()["serverTime"] - time.time() * 1000) < 5000
    simulator.set_clock(NOW_MS)
    bad = requests.post(f"{simulator.url}/_control/clock", json={"now": 1}, timeout=5)
    assert bad.status_code == 400


def test_every_response_names_the_simulator_as_its_server(simulator: SimulatorProcess) -> None:
    for path in ("_control/health", "binance/api/v3/ping", "kraken/nope", "nyse/x"):
        answer = requests.get(f"{simulator.url}/{path}", timeout=5)
        assert answer.headers["Server"] == "candle-ingest exchange simulator"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_stops_cleanly(number: int) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--port", "0"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        first = process.stdout.readline()
        assert first.startswith("Exchange simulator on http://127.0.0.1:")
        assert first.endswith(" (synthetic market, limits on)\n")
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
        assert (process.returncode, errors) == (0, "")
    finally:
        process.kill()
        process.wait()


def test_a_busy_port_and_a_missing_file_are_errors_of_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run([*COMMAND, "--port", str(port)], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Cannot listen on 127.0.0.1:{port}: ")
    assert done.stderr.count("\n") == 1
    missing = ["--recorded", "kraken:BTC/USD=nowhere.csv"]
    done = subprocess.run([*COMMAND, *missing], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def test_a_process_that_cannot_start_says_why() -> None:
    with pytest.raises(RuntimeError, match=r"cannot be read"):
        SimulatorProcess(recorded={"kraken:BTC/USD": "nowhere.csv"}).start()


def test_the_header_date_follows_the_clock() -> None:
    with SimulatorProcess(now_ms=RECORDED_MS) as simulator:
        answer = requests.get(f"{simulator.exchange_url('binance')}/api/v3/exchangeInfo", timeout=10)
        assert answer.headers["Date"] == "Tue, 13 Dec 2022 00:00:00 GMT"
