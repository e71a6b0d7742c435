"""Events, caches and the clock as clients of the HTTP API see them."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from dev.exchange_simulator.candle_columns import MINUTE_MS
from dev.exchange_simulator.market_events import MarketEvent
from dev.exchange_simulator.process import SimulatorProcess
from tests.dev.exchange_simulator.ccxt_client import NOW_MS

END_MS = NOW_MS // MINUTE_MS * MINUTE_MS
START_MS = END_MS - 10 * MINUTE_MS


@pytest.fixture(autouse=True)
def _calm_again(simulator: SimulatorProcess) -> Iterator[None]:
    yield
    simulator.clear_events()
    simulator.clear_faults()
    simulator.set_clock(NOW_MS)


def get(simulator: SimulatorProcess, exchange: str, path: str, **query: Any) -> requests.Response:
    return requests.get(f"{simulator.exchange_url(exchange)}/{path}", params=query, timeout=10)


def candles(simulator: SimulatorProcess, **more: Any) -> requests.Response:
    query = {"granularity": 60, "start": START_MS // 1000, "end": END_MS // 1000 - 60, **more}
    return get(simulator, "coinbaseexchange", "products/BTC-USD/candles", **query)


def klines(simulator: SimulatorProcess) -> list[list[Any]]:
    query = {"symbol": "BTCUSDT", "interval": "1m", "startTime": START_MS, "endTime": END_MS - 1}
    rows: list[list[Any]] = get(simulator, "binance", "api/v3/klines", **query).json()
    return rows


def event(kind: str, minutes: int = 10, **details: Any) -> MarketEvent:
    return MarketEvent(kind=kind, start_ms=END_MS - minutes * MINUTE_MS, end_ms=END_MS, **details)


def test_a_cached_response_has_an_age_and_a_fresh_date(simulator: SimulatorProcess) -> None:
    first = candles(simulator)
    assert first.headers["Cf-Cache-Status"] == "MISS"
    assert first.headers["Cache-Control"].startswith("public, max-age=300")
    simulator.set_clock(NOW_MS + 299_000)
    kept = candles(simulator)
    assert (kept.headers["Age"], kept.headers["Cf-Cache-Status"]) == ("299", "HIT")
    assert kept.headers["Date"] != first.headers["Date"]
    assert kept.json() == first.json()
    simulator.set_clock(NOW_MS + 300_000)
    assert "Age" not in candles(simulator).headers


def test_another_query_is_another_page_and_no_cache_changes_nothing(simulator: SimulatorProcess) -> None:
    candles(simulator)
    url = candles(simulator).url
    assert requests.get(url, headers={"Cache-Control": "no-cache"}, timeout=10).headers["Cf-Cache-Status"] == "HIT"
    assert candles(simulator, end=END_MS // 1000 - 59).headers["Cf-Cache-Status"] == "MISS"


def test_a_refusal_is_not_cached_but_an_empty_page_is(simulator: SimulatorProcess) -> None:
    simulator.set_fault("coinbaseexchange", "status", status=500, count=1, path="candles")
    assert candles(simulator).status_code == 500
    simulator.set_fault("coinbaseexchange", "empty", count=1, path="candles")
    assert candles(simulator).json() == []
    assert candles(simulator).json() == []
    assert len(candles(simulator, end=END_MS // 1000 - 59).json()) == 10


def test_exchanges_without_a_cache_send_no_age(simulator: SimulatorProcess) -> None:
    for _ in range(2):
        answer = get(simulator, "kraken", "0/public/OHLC", pair="XBTUSD")
        assert "Age" not in answer.headers
        assert "Cache-Control" not in answer.headers


def test_one_in_five_pages_is_empty_by_chance(simulator: SimulatorProcess) -> None:
    simulator.set_fault("binance", "empty", chance=0.2, seed=4)
    empty = sum(klines(simulator) == [] for _ in range(100))
    assert 10 <= empty <= 30


def test_a_fault_applies_only_in_its_time(simulator: SimulatorProcess) -> None:
    simulator.set_fault("binance", "reset", from_ms=NOW_MS + MINUTE_MS, until_ms=NOW_MS + 2 * MINUTE_MS)
    assert klines(simulator)
    simulator.set_clock(NOW_MS + MINUTE_MS)
    with pytest.raises(requests.ConnectionError):
        klines(simulator)
    simulator.set_clock(NOW_MS + 2 * MINUTE_MS)
    assert klines(simulator)


def test_a_single_row_can_be_wrong(simulator: SimulatorProcess) -> None:
    proper = klines(simulator)
    simulator.add_events([event("wrong_row", minutes=3, exchange="binance", row="high_below_low", until_ms=NOW_MS + 1)])
    rows = klines(simulator)
    assert rows[:7] == proper[:7]
    assert all(float(row[2]) < float(row[3]) for row in rows[7:])
    simulator.set_clock(NOW_MS + 1)
    assert klines(simulator) == proper


@pytest.mark.parametrize(
    ("exchange", "path", "query"),
    [
        ("bitstamp", "api/v2/ohlc/btcusd/", {"step": 60, "limit": 10, "end": END_MS // 1000 - 60}),
        ("kucoin", "api/v1/market/candles", {"symbol": "BTC-USDT", "type": "1min", "endAt": END_MS // 1000}),
    ],
)
def test_if_a_time_comes_twice_the_last_row_is_right(
    simulator: SimulatorProcess, exchange: str, path: str, query: dict[str, Any]
) -> None:
    def rows() -> list[Any]:
        answer = get(simulator, exchange, path, **query).json()["data"]
        found: list[Any] = answer["ohlc"] if isinstance(answer, dict) else answer
        return found

    proper = rows()
    simulator.add_events([event("double_row", minutes=1, exchange=exchange)])
    twice = rows()
    newest = 0 if exchange == "kucoin" else -1
    assert len(twice) == len(proper) + 1
    assert twice[1 if newest == 0 else -1] == proper[newest]
    assert twice[0 if newest == 0 else -2] != proper[newest]


def test_okx_and_gate_mark_rows_that_are_not_confirmed(simulator: SimulatorProcess) -> None:
    simulator.add_events([event("unconfirmed", minutes=2, exchange=name, delay_seconds=60) for name in ("okx", "gate")])
    bars = get(simulator, "okx", "api/v5/market/candles", instId="BTC-USDT", limit=5).json()["data"]
    # The one in progress, and the one that closed half a minute ago.
    assert [row[8] for row in bars] == ["0", "0", "1", "1", "1"]
    sticks = get(simulator, "gate", "api/v4/spot/candlesticks", currency_pair="BTC_USDT", interval="1m", limit=5)
    assert [row[7] for row in sticks.json()] == ["true", "true", "true", "false", "false"]


def test_bitstamp_counts_its_rows_back_from_the_end_over_a_hole(simulator: SimulatorProcess) -> None:
    query = {"step": 60, "limit": 10, "start": START_MS // 1000, "end": END_MS // 1000 - 60}
    simulator.add_events([event("hidden", minutes=2, exchange="bitstamp")])
    rows = get(simulator, "bitstamp", "api/v2/ohlc/btcusd/", **query).json()["data"]["ohlc"]
    assert len(rows) == 10
    assert int(rows[0]["timestamp"]) == START_MS // 1000 - 120


def test_quote_volume_trades_and_taker_volume_are_sent_as_the_exchanges_send_them(simulator: SimulatorProcess) -> None:
    for row in klines(simulator):
        if not row[8]:
            assert [float(row[place]) for place in (5, 7, 9, 10)] == [0, 0, 0, 0]
            continue
        low, high = float(row[3]), float(row[2])
        assert low * (1 - 1e-6) <= float(row[7]) / float(row[5]) <= high * (1 + 1e-6)
        assert float(row[9]) <= float(row[5])
        assert float(row[10]) <= float(row[7])
    ohlc = get(simulator, "kraken", "0/public/OHLC", pair="XBTUSD").json()["result"]["XXBTZUSD"]
    assert all(float(row[3]) <= float(row[5]) <= float(row[2]) for row in ohlc if row[7])
