"""binanceus, coinbase, okx, bybit, bitstamp and gate: order, ends and refusals, on the wire and in ccxt."""

from itertools import pairwise

import ccxt
import pytest
import requests

from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.process import SimulatorProcess
from dev.exchange_simulator.synthetic_market import true_candles
from tests.dev.exchange_simulator.ccxt_client import NOW_MS, Connect, connect_ccxt

MINUTE_MS, DAY_MS = 60_000, 86_400_000
SINCE_MS = utc_ms("2024-03-02")
SINCE = SINCE_MS // 1000
CURRENT_MINUTE_MS = NOW_MS // MINUTE_MS * MINUTE_MS
# Recent enough for gate to serve it.
RECENT_MS = CURRENT_MINUTE_MS - 120 * MINUTE_MS
RECENT = RECENT_MS // 1000


def wire(simulator: SimulatorProcess, path: str, **query: object) -> requests.Response:
    return requests.get(f"{simulator.url}/{path}", params=query, timeout=10)


def first_row(exchange: str, symbol: str, start_ms: int = SINCE_MS) -> tuple[float, ...]:
    """Return open, high, low, close and volume of the first candle."""
    return true_candles(exchange, symbol, start_ms, start_ms + 1)[0][1:]


def exact_page(connected: Connect, exchange: str, symbol: str, start_ms: int, rows: int, **params: int) -> None:
    """Check that a page with `since` and `limit` equals the truth of exactly its window."""
    page = connected(exchange).fetch_ohlcv(symbol, "1m", start_ms, rows, params)
    assert [tuple(row) for row in page] == true_candles(exchange, symbol, start_ms, start_ms + rows * MINUTE_MS)


class TestBinanceUs:
    def test_it_is_binance_with_another_limit(self, simulator: SimulatorProcess) -> None:
        limits = wire(simulator, "binanceus/api/v3/exchangeInfo").json()["rateLimits"]
        assert [(limit["interval"], limit["limit"]) for limit in limits] == [("MINUTE", 1200)]

    def test_both_ends_are_inclusive(self, connected: Connect) -> None:
        exact_page(connected, "binanceus", "BTC/USD", SINCE_MS, 1000, until=SINCE_MS + 999 * MINUTE_MS)

    def test_an_unknown_symbol_is_refused_with_status_400(self, simulator: SimulatorProcess) -> None:
        response = wire(simulator, "binanceus/api/v3/klines", symbol="NOPE", interval="1m")
        assert (response.status_code, response.json()["code"]) == (400, -1121)

    def test_it_has_no_futures(self, simulator: SimulatorProcess) -> None:
        assert wire(simulator, "binanceus/fapi/v1/exchangeInfo").status_code == 404

    def test_ccxt_requests_only_spot_markets_by_default(self, simulator: SimulatorProcess) -> None:
        exchange = connect_ccxt(simulator, "binanceus")
        simulator.reset_requests()
        exchange.load_markets()
        assert set(simulator.requests()["binanceus"]) == {"/api/v3/exchangeInfo"}


class TestCoinbase:
    @staticmethod
    def candles(simulator: SimulatorProcess, **query: object) -> requests.Response:
        query = {"granularity": "ONE_MINUTE"} | query
        return wire(simulator, "coinbase/api/v3/brokerage/market/products/BTC-USD/candles", **query)

    def test_rows_are_newest_first_and_both_ends_inclusive(self, simulator: SimulatorProcess) -> None:
        rows = self.candles(simulator, start=SINCE, end=SINCE + 120).json()["candles"]
        assert [row["start"] for row in rows] == [str(SINCE + 120), str(SINCE + 60), str(SINCE)]
        names = ("open", "high", "low", "close", "volume")
        assert tuple(float(rows[2][name]) for name in names) == first_row("coinbase", "BTC/USD")

    def test_350_buckets_are_served_and_351_refused(self, simulator: SimulatorProcess) -> None:
        assert len(self.candles(simulator, start=SINCE, end=SINCE + 349 * 60).json()["candles"]) > 300
        refused = self.candles(simulator, start=SINCE, end=SINCE + 350 * 60)
        assert refused.status_code == 400
        assert "number of candles requested should be less than 350" in refused.json()["message"]

    def test_a_full_page_of_ccxt_is_exact(self, connected: Connect) -> None:
        exact_page(connected, "coinbase", "BTC/USD", SINCE_MS, 300, until=SINCE_MS + 299 * MINUTE_MS)

    def test_without_an_end_ccxt_requests_one_candle_more(
        self, simulator: SimulatorProcess, connected: Connect
    ) -> None:
        connected("coinbase").fetch_ohlcv("BTC/USD", "1m", SINCE_MS, 300)
        query = simulator.requests(full=True)[-1]["query"]
        assert (int(query["end"]) - int(query["start"])) // 60 + 1 == 301

    @pytest.mark.parametrize("query", [{}, {"start": SINCE}, {"start": SINCE, "end": SINCE - 60}, {"start": "soon"}])
    def test_a_range_is_needed(self, simulator: SimulatorProcess, query: dict[str, object]) -> None:
        assert self.candles(simulator, **query).status_code == 400

    def test_an_unknown_granularity_is_a_bad_request(self, connected: Connect) -> None:
        with pytest.raises(ccxt.BadRequest, match="granularity"):
            connected("coinbase").fetch_ohlcv("BTC/USD", "7m", SINCE_MS, 3, {"until": SINCE_MS + MINUTE_MS})

    def test_an_unknown_product_is_not_found(self, simulator: SimulatorProcess) -> None:
        response = wire(simulator, "coinbase/api/v3/brokerage/market/products/NO-PE/candles")
        assert (response.status_code, response.json()["error"]) == (404, "NOT_FOUND")

    def test_it_lists_no_futures(self, simulator: SimulatorProcess) -> None:
        path = "coinbase/api/v3/brokerage/market/products"
        assert wire(simulator, path, product_type="FUTURE").json()["products"] == []


class TestOkx:
    @staticmethod
    def candles(simulator: SimulatorProcess, path: str = "history-candles", **query: object) -> dict:
        return wire(simulator, f"okx/api/v5/market/{path}", **({"instId": "BTC-USDT"} | query)).json()

    def test_rows_are_newest_first_and_both_ends_exclusive(self, simulator: SimulatorProcess) -> None:
        rows = self.candles(simulator, before=SINCE_MS - 1, after=SINCE_MS + 3 * MINUTE_MS)["data"]
        assert [int(row[0]) for row in rows] == [SINCE_MS + n * MINUTE_MS for n in (2, 1, 0)]
        assert tuple(map(float, rows[2][1:6])) == first_row("okx", "BTC/USDT")
        assert self.candles(simulator, before=SINCE_MS, after=SINCE_MS + MINUTE_MS)["data"] == []

    def test_a_range_beyond_the_limit_loses_its_beginning(self, simulator: SimulatorProcess) -> None:
        rows = self.candles(simulator, before=SINCE_MS - 1, after=SINCE_MS + DAY_MS, limit=500)["data"]
        assert len(rows) == 300
        assert int(rows[0][0]) == SINCE_MS + DAY_MS - MINUTE_MS

    def test_a_hundred_rows_by_default(self, simulator: SimulatorProcess) -> None:
        assert len(self.candles(simulator)["data"]) == 100

    def test_only_the_candle_in_progress_is_marked(self, simulator: SimulatorProcess) -> None:
        rows = self.candles(simulator, "candles", limit=3)["data"]
        assert [row[8] for row in rows] == ["0", "1", "1"]

    def test_recent_candles_end_after_1440(self, simulator: SimulatorProcess) -> None:
        oldest_ms = CURRENT_MINUTE_MS - 1439 * MINUTE_MS
        rows = self.candles(simulator, "candles", after=oldest_ms + 5 * MINUTE_MS)["data"]
        assert int(rows[-1][0]) == oldest_ms
        assert len(rows) == 5
        assert len(self.candles(simulator, after=oldest_ms + 5 * MINUTE_MS)["data"]) == 100

    def test_a_full_page_of_ccxt_without_an_end_is_exact(self, connected: Connect) -> None:
        exact_page(connected, "okx", "BTC/USDT", SINCE_MS, 300)

    def test_ccxts_until_is_exclusive(self, connected: Connect) -> None:
        page = connected("okx").fetch_ohlcv("BTC/USDT", "1m", SINCE_MS, 300, {"until": SINCE_MS + 299 * MINUTE_MS})
        assert page[-1][0] == SINCE_MS + 298 * MINUTE_MS

    @pytest.mark.parametrize(("bars_ago", "path"), [(1438, "candles"), (1441, "history-candles")])
    def test_ccxt_takes_the_path_by_age(
        self, simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch, bars_ago: int, path: str
    ) -> None:
        exchange = connect_ccxt(simulator, "okx")
        exchange.load_markets()
        monkeypatch.setattr(exchange, "milliseconds", lambda: NOW_MS)
        since = CURRENT_MINUTE_MS - bars_ago * MINUTE_MS
        page = exchange.fetch_ohlcv("BTC/USDT", "1m", since, 300)
        assert simulator.requests(full=True)[-1]["template"] == f"/api/v5/market/{path}"
        assert [tuple(row) for row in page] == true_candles("okx", "BTC/USDT", since, since + 300 * MINUTE_MS)

    @pytest.mark.parametrize(
        ("query", "code"), [({"instId": "NO-PE"}, "51001"), ({"bar": "7m"}, "51000"), ({"after": "soon"}, "51000")]
    )
    def test_refusals(self, simulator: SimulatorProcess, query: dict[str, object], code: str) -> None:
        assert self.candles(simulator, **query)["code"] == code

    def test_days_open_at_midnight_utc_where_the_bar_says_so(self, connected: Connect) -> None:
        page = connected("okx").fetch_ohlcv("BTC/USDT", "1d", SINCE_MS, 3)
        assert [row[0] for row in page] == [SINCE_MS + n * DAY_MS for n in range(3)]

    def test_an_unknown_instrument_is_a_bad_symbol_in_ccxt(self, connected: Connect) -> None:
        with pytest.raises(ccxt.BadSymbol):
            connected("okx").public_get_market_candles({"instId": "NO-PE"})


class TestBybit:
    @staticmethod
    def candles(simulator: SimulatorProcess, **query: object) -> dict:
        query = {"category": "spot", "symbol": "BTCUSDT", "interval": "1"} | query
        return wire(simulator, "bybit/v5/market/kline", **query).json()

    def test_rows_are_newest_first_and_both_ends_inclusive(self, simulator: SimulatorProcess) -> None:
        rows = self.candles(simulator, start=SINCE_MS, end=SINCE_MS + 2 * MINUTE_MS)["result"]["list"]
        assert [int(row[0]) for row in rows] == [SINCE_MS + n * MINUTE_MS for n in (2, 1, 0)]
        assert tuple(map(float, rows[2][1:6])) == first_row("bybit", "BTC/USDT")

    def test_the_candle_that_holds_the_start_is_served(self, simulator: SimulatorProcess) -> None:
        rows = self.candles(simulator, start=SINCE_MS + 1, end=SINCE_MS + 2)["result"]["list"]
        assert [int(row[0]) for row in rows] == [SINCE_MS]

    def test_two_hundred_rows_by_default(self, simulator: SimulatorProcess) -> None:
        assert len(self.candles(simulator)["result"]["list"]) == 200

    def test_with_a_start_alone_rows_are_counted_forward(self, simulator: SimulatorProcess) -> None:
        rows = self.candles(simulator, start=SINCE_MS, limit=5)["result"]["list"]
        assert int(rows[-1][0]) == SINCE_MS

    def test_a_full_page_of_ccxt_is_exact(self, connected: Connect) -> None:
        exact_page(connected, "bybit", "BTC/USDT", SINCE_MS, 1000, until=SINCE_MS + 999 * MINUTE_MS)

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ({"symbol": "NOPE"}, "Not supported symbols"),
            ({"category": "linear"}, "Not supported symbols"),
            ({"interval": "7"}, "Invalid period!"),
            ({"limit": 1001}, "params error: limit invalid"),
            ({"limit": 0}, "params error: limit invalid"),
        ],
    )
    def test_refusals(self, simulator: SimulatorProcess, query: dict[str, object], message: str) -> None:
        answer = self.candles(simulator, **query)
        assert (answer["retCode"], answer["retMsg"]) == (10001, message)

    def test_an_unknown_symbol_is_a_bad_symbol_in_ccxt(self, connected: Connect) -> None:
        with pytest.raises(ccxt.BadSymbol):
            connected("bybit").public_get_v5_market_kline({"category": "spot", "symbol": "NOPE", "interval": "1"})


class TestBitstamp:
    @staticmethod
    def candles(simulator: SimulatorProcess, pair: str = "btcusd", **query: object) -> requests.Response:
        return wire(simulator, f"bitstamp/api/v2/ohlc/{pair}/", **({"step": 60, "limit": 1000} | query))

    def rows(self, simulator: SimulatorProcess, **query: object) -> list[dict[str, str]]:
        return self.candles(simulator, **query).json()["data"]["ohlc"]

    def test_rows_are_ascending_objects_of_text(self, simulator: SimulatorProcess) -> None:
        rows = self.rows(simulator, start=SINCE, limit=3)
        assert [row["timestamp"] for row in rows] == [str(SINCE + 60 * n) for n in range(3)]
        names = ("open", "high", "low", "close", "volume")
        assert tuple(float(rows[0][name]) for name in names) == first_row("bitstamp", "BTC/USD")

    def test_with_an_end_the_limit_counts_back_from_it_whatever_the_start_says(
        self, simulator: SimulatorProcess
    ) -> None:
        rows = self.rows(simulator, start=SINCE, end=SINCE + 300, limit=10)
        assert [int(row["timestamp"]) for row in rows] == [SINCE + 60 * n for n in range(-4, 6)]

    def test_a_full_page_of_ccxt_is_exact(self, connected: Connect) -> None:
        exact_page(connected, "bitstamp", "BTC/USD", SINCE_MS, 1000, until=SINCE_MS + 999 * MINUTE_MS)

    def test_the_candle_in_progress_can_be_left_out(self, simulator: SimulatorProcess) -> None:
        rows = self.rows(simulator, limit=1, exclude_current_candle="true")
        assert int(rows[0]["timestamp"]) * 1000 == CURRENT_MINUTE_MS - MINUTE_MS

    def test_ccxts_week_is_three_days_here(self, connected: Connect) -> None:
        page = connected("bitstamp").fetch_ohlcv("BTC/USD", "1w", SINCE_MS, 5)
        assert {later[0] - earlier[0] for earlier, later in pairwise(page)} == {3 * DAY_MS}

    @pytest.mark.parametrize("query", [{"limit": 1001}, {"limit": 0}, {"step": 61}, {"start": "soon"}])
    def test_refusals(self, simulator: SimulatorProcess, query: dict[str, object]) -> None:
        assert self.candles(simulator, **query).status_code == 400

    def test_an_unknown_pair_is_not_found(self, simulator: SimulatorProcess) -> None:
        assert self.candles(simulator, "nopeusd").status_code == 404


class TestGate:
    @staticmethod
    def candles(simulator: SimulatorProcess, **query: object) -> requests.Response:
        query = {"currency_pair": "BTC_USDT", "interval": "1m"} | query
        return wire(simulator, "gate/api/v4/spot/candlesticks", **query)

    def test_rows_are_ascending_and_both_ends_inclusive(self, simulator: SimulatorProcess) -> None:
        rows = self.candles(simulator, **{"from": RECENT, "to": RECENT + 120}).json()
        assert [int(row[0]) for row in rows] == [RECENT + 60 * n for n in range(3)]
        values = tuple(float(rows[0][at]) for at in (5, 3, 4, 2, 6))
        assert values == first_row("gate", "BTC/USDT", RECENT_MS)

    def test_only_the_candle_in_progress_is_open(self, simulator: SimulatorProcess) -> None:
        assert [row[7] for row in self.candles(simulator, limit=3).json()] == ["true", "true", "false"]

    def test_a_hundred_rows_by_default(self, simulator: SimulatorProcess) -> None:
        assert len(self.candles(simulator).json()) == 100
        assert len(self.candles(simulator, to=RECENT).json()) == 101

    def test_a_full_page_of_ccxt_is_exact(self, connected: Connect) -> None:
        start_ms = CURRENT_MINUTE_MS - 1500 * MINUTE_MS
        exact_page(connected, "gate", "BTC/USDT", start_ms, 1000, until=start_ms + 999 * MINUTE_MS)

    def test_the_last_10000_candles_are_served_and_no_older_ones(
        self, simulator: SimulatorProcess, connected: Connect
    ) -> None:
        oldest = NOW_MS // 1000 - 10_000 * 60
        assert self.candles(simulator, **{"from": oldest, "to": oldest + 600}).status_code == 200
        refused = self.candles(simulator, **{"from": oldest - 1, "to": oldest + 600})
        assert refused.status_code == 400
        assert refused.json()["message"] == "Candlestick too long ago. Maximum 10000 points ago are allowed"
        with pytest.raises(ccxt.BadRequest, match="too long ago"):
            connected("gate").fetch_ohlcv("BTC/USDT", "1m", SINCE_MS, 100)

    @pytest.mark.parametrize(
        ("query", "label"),
        [
            ({"currency_pair": "NO_PE"}, "INVALID_CURRENCY_PAIR"),
            ({"interval": "7m"}, "INVALID_PARAM_VALUE"),
            ({"limit": 1001}, "INVALID_PARAM_VALUE"),
            ({"limit": 10, "from": RECENT}, "INVALID_PARAM_VALUE"),
            ({"from": RECENT, "to": RECENT - 60}, "INVALID_PARAM_VALUE"),
            ({"from": RECENT - 1000 * 60, "to": RECENT}, "INVALID_PARAM_VALUE"),
        ],
    )
    def test_refusals(self, simulator: SimulatorProcess, query: dict[str, object], label: str) -> None:
        response = self.candles(simulator, **query)
        assert (response.status_code, response.json()["label"]) == (400, label)

    def test_a_thousand_inclusive_points_are_served(self, simulator: SimulatorProcess) -> None:
        assert len(self.candles(simulator, **{"from": RECENT - 999 * 60, "to": RECENT}).json()) == 1000
