"""Unmodified ccxt reads the true candles of the synthetic market in each exchange's own format."""

from itertools import pairwise

import ccxt
import pytest
import requests

from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.markets import DOLLAR_EXCHANGES, EXCHANGES
from dev.exchange_simulator.process import SimulatorProcess
from dev.exchange_simulator.synthetic_market import true_candles
from tests.dev.exchange_simulator.ccxt_client import NOW_MS, Connect
from tests.support.max_rows import MAX_ROWS

MINUTE_MS, DAY_MS = 60_000, 86_400_000
SINCE_MS = utc_ms("2024-03-02")
CURRENT_MINUTE_MS = NOW_MS // MINUTE_MS * MINUTE_MS
SHORT_HISTORY = ("kraken", "gate")
BITCOIN = {name: "BTC/USD" if name in DOLLAR_EXCHANGES else "BTC/USDT" for name in EXCHANGES}
SMALL = {name: symbol.replace("BTC", "ENJ") for name, symbol in BITCOIN.items()}


def rows_of(page: list[list[float]]) -> list[tuple[float, ...]]:
    return [tuple(row) for row in page]


def wire(simulator: SimulatorProcess, path: str, **query: object) -> requests.Response:
    return requests.get(f"{simulator.url}/{path}", params=query, timeout=10)


@pytest.mark.parametrize("name", EXCHANGES)
@pytest.mark.parametrize("symbols", [BITCOIN, SMALL])
def test_a_page_is_the_truth(name: str, symbols: dict[str, str], connected: Connect) -> None:
    limit = MAX_ROWS[name]
    since = CURRENT_MINUTE_MS - limit * MINUTE_MS if name in SHORT_HISTORY else SINCE_MS
    page = connected(name).fetch_ohlcv(symbols[name], "1m", since, limit)
    truth = true_candles(name, symbols[name], since, since + limit * MINUTE_MS)
    # binance fills a page beyond an outage; ccxt cuts at the row limit, not at the end of the window.
    assert rows_of(page)[: len(truth)] == truth
    if name in ("kraken", "htx", "okx", "bybit", "bitstamp", "gate"):
        assert len(page) == limit


@pytest.mark.parametrize("timeframe", ["5m", "15m", "1h", "1d"])
@pytest.mark.parametrize("name", EXCHANGES)
def test_larger_timeframes_are_the_truth(name: str, timeframe: str, connected: Connect) -> None:
    since = NOW_MS // DAY_MS * DAY_MS - 20 * DAY_MS
    page = connected(name).fetch_ohlcv(BITCOIN[name], timeframe, since, 8)
    assert len(page) == 8
    assert rows_of(page) == true_candles(name, BITCOIN[name], page[0][0], page[-1][0] + 1, timeframe)
    if timeframe == "1d":
        assert page[0][0] % DAY_MS == (16 * 3_600_000 if name == "htx" else 0)


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_timeframe_that_ccxt_knows_is_served(name: str, connected: Connect) -> None:
    exchange = connected(name)
    # 1s and 10s are finer than the synthetic market; 721 weeks of kraken are right but take seconds to compute.
    for timeframe in set(exchange.timeframes) - {"1s", "10s"} - ({"1w", "2w"} if name == "kraken" else set()):
        since = NOW_MS - 2 * 1000 * exchange.parse_timeframe(timeframe)
        assert exchange.fetch_ohlcv(BITCOIN[name], timeframe, since, 3), timeframe


@pytest.mark.parametrize("name", EXCHANGES)
def test_the_candle_in_progress_comes_last(name: str, connected: Connect) -> None:
    page = connected(name).fetch_ohlcv(BITCOIN[name], "1m", CURRENT_MINUTE_MS - 10 * MINUTE_MS, 20)
    assert page[-1][0] == CURRENT_MINUTE_MS
    complete = true_candles(name, BITCOIN[name], CURRENT_MINUTE_MS, CURRENT_MINUTE_MS + MINUTE_MS)[0]
    # On these exchanges, all of the few trades of this minute have already happened.
    all_traded = name in ("binanceus", "kraken", "bybit", "gate")
    assert 0 < page[-1][5] <= complete[5]
    assert all_traded or page[-1][5] < complete[5]
    assert page[-1][1] == complete[1]


@pytest.mark.parametrize("name", EXCHANGES)
def test_nothing_in_the_future(name: str, connected: Connect) -> None:
    assert connected(name).fetch_ohlcv(BITCOIN[name], "1m", NOW_MS + DAY_MS, 100) == []


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("binance", 500),
        ("coinbaseexchange", 300),
        ("kraken", 721),
        ("htx", 150),
        ("binanceus", 500),
        ("okx", 100),
        ("bybit", 200),
        ("bitstamp", 1000),
        ("gate", 1000),
    ],
)
def test_default_rows(name: str, rows: int, connected: Connect) -> None:
    assert len(connected(name).fetch_ohlcv(BITCOIN[name], "1m")) == rows


class TestBinance:
    def test_order_and_shape(self, simulator: SimulatorProcess) -> None:
        rows = wire(
            simulator, "binance/api/v3/klines", symbol="BTCUSDT", interval="1m", startTime=SINCE_MS, limit=3
        ).json()
        assert [row[0] for row in rows] == [SINCE_MS + n * MINUTE_MS for n in range(3)]
        assert [type(value) for value in rows[0]] == [int, *[str] * 5, int, str, int, str, str, str]
        assert rows[0][6] == SINCE_MS + MINUTE_MS - 1

    def test_both_ends_inclusive(self, simulator: SimulatorProcess) -> None:
        query = {"symbol": "BTCUSDT", "interval": "1m", "startTime": SINCE_MS}
        rows = wire(simulator, "binance/api/v3/klines", **query, endTime=SINCE_MS + 5 * MINUTE_MS).json()
        assert len(rows) == 6

    def test_more_than_1000_is_served_as_1000(self, simulator: SimulatorProcess) -> None:
        rows = wire(simulator, "binance/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=5000).json()
        assert len(rows) == 1000

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ({"symbol": "NOPE", "interval": "1m"}, -1121),
            ({"symbol": "BTCUSDT", "interval": "7m"}, -1120),
            ({"symbol": "BTCUSDT"}, -1102),
            ({"symbol": "BTCUSDT", "interval": "1m", "since": 1}, -1104),
            ({"symbol": "BTCUSDT", "interval": "1m", "startTime": "soon"}, -1100),
            ({"symbol": "BTCUSDT", "interval": ""}, -1105),
        ],
    )
    def test_refusals(self, simulator: SimulatorProcess, query: dict[str, object], code: int) -> None:
        response = wire(simulator, "binance/api/v3/klines", **query)
        assert response.status_code == 400
        assert response.json()["code"] == code

    def test_ccxt_classes(self, connected: Connect) -> None:
        exchange = connected("binance")
        with pytest.raises(ccxt.BadSymbol):
            exchange.public_get_klines({"symbol": "NOPE", "interval": "1m"})
        with pytest.raises(ccxt.BadRequest):
            exchange.fetch_ohlcv("BTC/USDT", "7m")

    def test_weight_headers(self, simulator: SimulatorProcess) -> None:
        assert wire(simulator, "binance/api/v3/ping").headers["X-MBX-USED-WEIGHT-1M"] == "0"


class TestCoinbaseExchange:
    @staticmethod
    def candles(simulator: SimulatorProcess, **query: object) -> requests.Response:
        return wire(simulator, "coinbaseexchange/products/BTC-USD/candles", **query)

    def test_order_and_shape(self, simulator: SimulatorProcess) -> None:
        rows = self.candles(simulator, granularity=60, start="2024-03-02T00:00:00Z", end="2024-03-02T00:02:00Z").json()
        assert [row[0] for row in rows] == [SINCE_MS // 1000 + n * 60 for n in (2, 1, 0)]
        _, open_, high, low, close, volume = true_candles("coinbaseexchange", "BTC/USD", SINCE_MS, SINCE_MS + 1)[0]
        assert rows[2] == [SINCE_MS // 1000, low, high, open_, close, volume]

    def test_more_than_300_is_refused(self, simulator: SimulatorProcess, connected: Connect) -> None:
        response = self.candles(simulator, granularity=60, start="2024-03-02T00:00:00Z", end="2024-03-02T05:00:00Z")
        assert response.status_code == 400
        assert response.json()["message"].endswith("Count of aggregations requested exceeds 300")
        with pytest.raises(ccxt.ExchangeError, match="exceeds 300"):
            connected("coinbaseexchange").fetch_ohlcv(
                "BTC/USD", "1m", SINCE_MS, 300, {"until": SINCE_MS + 300 * MINUTE_MS}
            )

    def test_refusals(self, simulator: SimulatorProcess, connected: Connect) -> None:
        assert self.candles(simulator, granularity=120).json() == {"message": "Unsupported granularity"}
        with pytest.raises(ccxt.OrderNotFound):
            connected("coinbaseexchange").public_get_products_id_candles({"id": "NO-PE"})

    def test_an_all_quiet_window_is_empty(self, connected: Connect) -> None:
        rows = true_candles("coinbaseexchange", "MLN/USD", SINCE_MS, SINCE_MS + 30 * DAY_MS)
        before = next(a[0] for a, b in pairwise(rows) if b[0] - a[0] > 301 * MINUTE_MS)
        assert connected("coinbaseexchange").fetch_ohlcv("MLN/USD", "1m", before + MINUTE_MS, 300) == []


class TestKraken:
    def test_an_old_since_gives_the_last_720_and_the_open_one(self, simulator: SimulatorProcess) -> None:
        old = (NOW_MS - 5 * DAY_MS) // 1000
        result = wire(simulator, "kraken/0/public/OHLC", pair="XBTUSD", interval=1, since=old).json()["result"]
        rows = result["XXBTZUSD"]
        assert len(rows) == 721
        assert rows[0][0] * 1000 == CURRENT_MINUTE_MS - 720 * MINUTE_MS
        assert rows[-1][0] * 1000 == CURRENT_MINUTE_MS
        assert result["last"] * 1000 == CURRENT_MINUTE_MS - MINUTE_MS

    def test_ccxt_does_not_report_that_older_candles_are_missing(self, connected: Connect) -> None:
        since = NOW_MS - 5 * DAY_MS
        page = connected("kraken").fetch_ohlcv("BTC/USD", "1m", since, 720)
        assert len(page) == 720
        assert page[0][0] > since

    def test_since_is_exclusive(self, simulator: SimulatorProcess) -> None:
        since = CURRENT_MINUTE_MS // 1000 - 300
        rows = wire(simulator, "kraken/0/public/OHLC", pair="XXBTZUSD", since=since).json()["result"]["XXBTZUSD"]
        assert rows[0][0] == since + 60

    def test_flat_rows(self, simulator: SimulatorProcess) -> None:
        rows = wire(simulator, "kraken/0/public/OHLC", pair="MLNUSD").json()["result"]["XMLNZUSD"]
        flat = [row for row in rows if row[7] == 0]
        assert flat
        assert all(row[5] == "0.0" and row[6] == "0.00000000" for row in flat)

    @pytest.mark.parametrize(
        ("query", "error"),
        [
            ({"pair": "NOPE"}, "EQuery:Unknown asset pair"),
            ({"pair": "XBTUSD", "interval": 7}, "EGeneral:Invalid arguments:interval"),
            ({}, "EGeneral:Invalid arguments"),
        ],
    )
    def test_refusals(self, simulator: SimulatorProcess, query: dict[str, object], error: str) -> None:
        response = wire(simulator, "kraken/0/public/OHLC", **query)
        assert response.status_code == 200
        assert response.json() == {"error": [error]}

    def test_trades_of_old_times_build_the_candles(self, connected: Connect) -> None:
        exchange, cursor = connected("kraken"), SINCE_MS * 10**6
        trades: dict[str, dict] = {}
        while cursor < (SINCE_MS + 120 * MINUTE_MS) * 10**6:
            page = exchange.public_get_trades({"pair": "XXBTZUSD", "since": cursor})["result"]
            assert len(page["XXBTZUSD"]) == 1000
            trades |= {trade[6]: trade for trade in page["XXBTZUSD"]}
            # `since` is exclusive, and a page may end between trades of one time.
            cursor = int(page["last"]) - 1
        minutes: dict[int, list] = {}
        for trade in trades.values():
            minutes.setdefault(int(float(trade[2])) // 60 * MINUTE_MS, []).append(trade)
        for row in true_candles("kraken", "BTC/USD", SINCE_MS, SINCE_MS + 120 * MINUTE_MS):
            built = minutes.get(row[0], [])
            if not row[5]:
                assert built == []
                continue
            prices = [float(trade[0]) for trade in built]
            assert (prices[0], max(prices), min(prices), prices[-1]) == row[1:5]
            assert round(sum(float(trade[1]) for trade in built), 8) == row[5]

    def test_trades_as_ccxt_reads_them(self, connected: Connect) -> None:
        trades = connected("kraken").fetch_trades("BTC/USD", SINCE_MS, 50)
        assert len(trades) == 50
        assert trades[0]["timestamp"] >= SINCE_MS
        assert len({trade["id"] for trade in trades}) == 50

    def test_trades_since_is_exclusive_and_last_is_the_cursor(self, simulator: SimulatorProcess) -> None:
        query = {"pair": "XBTUSD", "count": 3}
        first = wire(simulator, "kraken/0/public/Trades", **query, since=SINCE_MS * 10**6).json()["result"]
        second = wire(simulator, "kraken/0/public/Trades", **query, since=first["last"]).json()["result"]
        assert second["XXBTZUSD"][0][6] > first["XXBTZUSD"][-1][6]
        empty = wire(simulator, "kraken/0/public/Trades", **query, since=NOW_MS * 10**6).json()["result"]
        assert empty == {"XXBTZUSD": [], "last": str(NOW_MS * 10**6)}
        assert wire(simulator, "kraken/0/public/Trades", pair="XBTUSD", count=1001).json()["error"]


class TestKucoin:
    @staticmethod
    def candles(simulator: SimulatorProcess, **query: object) -> dict:
        query = {"symbol": "BTC-USDT", "type": "1min"} | query
        return wire(simulator, "kucoin/api/v1/market/candles", **query).json()

    def test_order_shape_and_ends(self, simulator: SimulatorProcess) -> None:
        start = SINCE_MS // 1000
        rows = self.candles(simulator, startAt=start, endAt=start + 180)["data"]
        assert [row[0] for row in rows] == [str(start + 120), str(start + 60), str(start)]
        _, open_, high, low, close, volume = true_candles("kucoin", "BTC/USDT", SINCE_MS, SINCE_MS + 1)[0]
        assert [float(value) for value in rows[2][1:6]] == [open_, close, high, low, volume]
        assert all(isinstance(value, str) for value in rows[2])

    def test_a_range_beyond_1500_loses_its_beginning(self, simulator: SimulatorProcess, connected: Connect) -> None:
        start = SINCE_MS // 1000
        rows = self.candles(simulator, startAt=start, endAt=start + 3000 * 60)["data"]
        assert len(rows) == 1500
        assert int(rows[0][0]) == start + 2999 * 60
        page = connected("kucoin").fetch_ohlcv("BTC/USDT", "1m", SINCE_MS, 3000)
        assert len(page) == 1500
        assert page[0][0] > SINCE_MS

    def test_refusals(self, simulator: SimulatorProcess, connected: Connect) -> None:
        assert self.candles(simulator, symbol="NO-PE") == {
            "code": "400100",
            "msg": "Unsupported trading pair.",
        }
        assert self.candles(simulator, type="7min")["msg"] == "Incorrect candlestick type."
        with pytest.raises(ccxt.BadSymbol):
            connected("kucoin").public_get_market_candles({"symbol": "NO-PE", "type": "1min"})


class TestHtx:
    @staticmethod
    def candles(simulator: SimulatorProcess, **query: object) -> dict:
        query = {"symbol": "btcusdt", "period": "1min"} | query
        return wire(simulator, "htx/market/history/candles", **query).json()

    def test_order_shape_and_ends(self, simulator: SimulatorProcess) -> None:
        start = SINCE_MS // 1000
        rows = self.candles(simulator, **{"from": start, "to": start + 120})["data"]
        assert [row["id"] for row in rows] == [start + 120, start + 60, start]
        row = rows[2]
        values = [row[name] for name in ("open", "high", "low", "close", "amount")]
        assert values == list(true_candles("htx", "BTC/USDT", SINCE_MS, SINCE_MS + 1)[0][1:])

    def test_more_than_1000_is_empty(self, simulator: SimulatorProcess) -> None:
        assert self.candles(simulator, size=1001)["data"] == []
        assert self.candles(simulator, **{"from": 1, "to": SINCE_MS // 1000, "size": 10})["data"] == []

    def test_since_without_limit_gives_150(self, connected: Connect) -> None:
        page = connected("htx").fetch_ohlcv("BTC/USDT", "1m", SINCE_MS)
        assert len(page) == 150
        assert page[0][0] == SINCE_MS

    def test_refusals(self, simulator: SimulatorProcess, connected: Connect) -> None:
        assert self.candles(simulator, period="7min")["err-msg"] == "invalid period"
        with pytest.raises(ccxt.BadSymbol):
            connected("htx").spot_public_get_market_history_candles({"symbol": "nope", "period": "1min"})
