"""Beyond the published limits, each exchange refuses with its own message, and ccxt raises its own classes."""

from collections.abc import Iterator

import ccxt
import pytest
import requests

from dev.exchange_simulator.candle_book import CandleBook
from dev.exchange_simulator.exchanges.base import Answer, Request, Wiring
from dev.exchange_simulator.exchanges.bitstamp import Bitstamp
from dev.exchange_simulator.exchanges.bybit import Bybit
from dev.exchange_simulator.exchanges.kraken import Kraken
from dev.exchange_simulator.process import SimulatorProcess
from dev.exchange_simulator.rate_limits import AllLimits, FixedWindow, TokenBucket
from tests.dev.exchange_simulator.ccxt_client import NOW_MS, connect_ccxt


@pytest.fixture(scope="module")
def limited() -> Iterator[SimulatorProcess]:
    with SimulatorProcess(now_ms=NOW_MS) as process:
        yield process


class ManualClock:
    """A clock that the test sets, in seconds."""

    now = 1_000_020.0

    def __call__(self) -> float:
        return self.now


def test_a_fixed_window_restarts_with_the_clock() -> None:
    clock = ManualClock()
    window = FixedWindow(100, 60, clock)
    assert [window.spend(40).allowed for _ in range(3)] == [True, True, False]
    assert window.spend(1).wait_seconds == 60 - clock.now % 60
    clock.now += 60
    assert window.spend(40).used == 40


def test_clients_that_continue_after_refusals_are_banned() -> None:
    clock = ManualClock()
    window = FixedWindow(1, 60, clock, ban_after=3)
    verdicts = [window.spend(1) for _ in range(6)]
    assert [verdict.allowed for verdict in verdicts] == [True] + [False] * 5
    assert [verdict.banned_until is not None for verdict in verdicts] == [False] * 4 + [True] * 2
    clock.now += 60
    assert not window.spend(1).allowed
    clock.now += 61
    assert window.spend(1).allowed


def test_a_token_bucket_refills() -> None:
    clock = ManualClock()
    bucket = TokenBucket(2.0, 3, clock)
    assert [bucket.spend(1).allowed for _ in range(4)] == [True, True, True, False]
    clock.now += 0.5
    assert [bucket.spend(1).allowed for _ in range(2)] == [True, False]
    clock.now += 60
    assert [bucket.spend(1).allowed for _ in range(4)] == [True, True, True, False]


def test_a_ban_lasts_as_long_as_announced() -> None:
    clock = ManualClock()
    window = FixedWindow(1, 5, clock, ban_after=0, ban_seconds=600)
    assert [window.spend(1).allowed for _ in range(2)] == [True, False]
    clock.now += 599
    assert not window.spend(1).allowed
    clock.now += 2
    assert window.spend(1).allowed


def test_each_of_several_limits_counts_every_request() -> None:
    clock = ManualClock()
    limits = AllLimits(FixedWindow(2, 1, clock), FixedWindow(3, 600, clock))
    assert [limits.spend(1).allowed for _ in range(3)] == [True, True, False]
    clock.now += 1
    # The refused request counted against the longer window too.
    assert not limits.spend(1).allowed


def test_binance(limited: SimulatorProcess) -> None:
    """6000 weight a minute: 300 market lists of weight 20, or twice as many if a new minute begins meanwhile."""
    url = f"{limited.exchange_url('binance')}/api/v3/exchangeInfo"
    exchange = connect_ccxt(limited, "binance")
    with requests.Session() as session:
        assert session.get(url, timeout=5).headers["X-MBX-USED-WEIGHT-1M"] == "20"
        refused = next(r for r in (session.get(url, timeout=5) for _ in range(601)) if r.status_code != 200)
        assert refused.status_code == 429
        assert refused.json()["code"] == -1003
        assert 0 < int(refused.headers["Retry-After"]) <= 60
        with pytest.raises(ccxt.DDoSProtection, match="429"):
            exchange.public_get_ping()
        assert float(exchange.last_response_headers["Retry-After"]) > 0
        banned = next(r for r in (session.get(url, timeout=5) for _ in range(400)) if r.status_code == 418)
        assert int(banned.headers["Retry-After"]) > 60
        with pytest.raises(ccxt.DDoSProtection, match="418"):
            exchange.public_get_ping()


@pytest.mark.parametrize(
    ("name", "method", "burst", "error"),
    [
        ("coinbaseexchange", "public_get_time", 15, ccxt.RateLimitExceeded),
        ("kraken", "public_get_assets", 5, ccxt.DDoSProtection),
        ("htx", "spot_public_get_v1_common_symbols", 10, ccxt.RateLimitExceeded),
        ("coinbase", "v3_public_get_brokerage_time", 10, ccxt.RateLimitExceeded),
    ],
)
def test_buckets(limited: SimulatorProcess, name: str, method: str, burst: int, error: type[Exception]) -> None:
    call = getattr(connect_ccxt(limited, name), method)

    def call_often() -> None:
        for _ in range(10 * burst):
            call()

    with pytest.raises(error):
        call_often()
    counts = list(limited.requests()[name].values())
    assert sum(count["accepted"] for count in counts) >= burst
    assert sum(count["rejected"] for count in counts) == 1


def test_texts_of_htx_for_candles(limited: SimulatorProcess) -> None:
    htx = f"{limited.exchange_url('htx')}/market/history/candles?symbol=btcusdt&period=1min&size=1"
    with requests.Session() as session:
        answers = [session.get(htx, timeout=5).json() for _ in range(60)]
        assert "too-many-requests" in {answer.get("err-code") for answer in answers}


def test_kucoin(limited: SimulatorProcess) -> None:
    """2000 weight in 30 s: 133 ticker lists of weight 15."""
    url = f"{limited.exchange_url('kucoin')}/api/v1/market/allTickers"
    with requests.Session() as session:
        refused = next(r for r in (session.get(url, timeout=5) for _ in range(270)) if r.status_code != 200)
    assert refused.status_code == 429
    assert refused.json()["code"] == "429000"
    assert refused.headers["gw-ratelimit-remaining"] == "0"
    assert 0 < int(refused.headers["gw-ratelimit-reset"]) <= 30_000
    with pytest.raises(ccxt.RateLimitExceeded):
        connect_ccxt(limited, "kucoin").public_get_timestamp()


def statuses(url: str, times: int) -> list[requests.Response]:
    with requests.Session() as session:
        return [session.get(url, timeout=5) for _ in range(times)]


def test_binanceus_refuses_beyond_1200_weight_a_minute(limited: SimulatorProcess) -> None:
    """120 market lists of weight 10, or twice as many if a new minute begins meanwhile."""
    url = f"{limited.exchange_url('binanceus')}/api/v3/exchangeInfo"
    refused = next(r for r in statuses(url, 241) if r.status_code != 200)
    assert (refused.status_code, refused.json()["code"]) == (429, -1003)
    assert "current limit is 1200" in refused.json()["msg"]


def test_okx_limits_each_path_separately(limited: SimulatorProcess) -> None:
    """Older candles: 20 in two seconds, which do not count against the 40 of recent ones."""
    market = f"{limited.exchange_url('okx')}/api/v5/market"
    older = statuses(f"{market}/history-candles?instId=BTC-USDT&limit=1", 60)
    refused = next(r for r in older if r.status_code != 200)
    assert (refused.status_code, refused.json()["code"]) == (429, "50011")
    recent = statuses(f"{market}/candles?instId=BTC-USDT&limit=1", 30)
    assert {r.status_code for r in recent} == {200}
    limited.set_fault("okx", "status", status=429, count=1)
    with pytest.raises(ccxt.RateLimitExceeded):
        connect_ccxt(limited, "okx").public_get_public_time()


def test_bybit_bans_clients_over_600_requests_in_five_seconds_for_ten_minutes() -> None:
    clock = ManualClock()
    exchange = Bybit(Wiring(CandleBook(), clock=clock))
    limit = exchange.limiter("", exchange.build_limiter)
    assert [limit.spend(1).allowed for _ in range(601)] == [True] * 600 + [False]
    clock.now += 590
    assert not limit.spend(1).allowed
    clock.now += 11
    assert limit.spend(1).allowed


def test_bitstamp_allows_400_a_second_and_10000_in_ten_minutes() -> None:
    clock = ManualClock()
    exchange = Bitstamp(Wiring(CandleBook(), clock=clock))
    limit = exchange.limiter("", exchange.build_limiter)
    assert [limit.spend(1).allowed for _ in range(401)] == [True] * 400 + [False]
    for _ in range(24):
        clock.now += 1
        assert all(limit.spend(1).allowed for _ in range(399))
    clock.now += 1
    assert sum(limit.spend(1).allowed for _ in range(400)) == 10_000 - 401 - 24 * 399


@pytest.mark.parametrize(
    ("name", "status", "method", "error", "text"),
    [
        ("bybit", 403, "public_get_v5_market_time", ccxt.RateLimitExceeded, "access too frequent"),
        # ccxt has no class for it.
        ("bitstamp", 429, "public_get_markets", ccxt.ExchangeError, r"400\.002"),
    ],
)
def test_how_bybit_and_bitstamp_refuse(
    limited: SimulatorProcess, name: str, status: int, method: str, error: type[Exception], text: str
) -> None:
    limited.set_fault(name, "status", status=status, count=1)
    with pytest.raises(error, match=text):
        getattr(connect_ccxt(limited, name), method)()


def test_gate_refuses_beyond_200_in_ten_seconds_on_a_path(limited: SimulatorProcess) -> None:
    exchange = limited.exchange_url("gate")
    answers = statuses(f"{exchange}/api/v4/spot/time", 401)
    assert answers[0].headers["X-Gate-RateLimit-Requests-Remain"] == "199"
    refused = next(r for r in answers if r.status_code != 200)
    assert (refused.status_code, refused.json()["label"]) == (429, "TOO_MANY_REQUESTS")
    assert requests.get(f"{exchange}/api/v4/margin/currency_pairs", timeout=5).status_code == 200


def ohlc(exchange: Kraken, pair: str) -> Answer | None:
    """Return the refusal of a call for candles; None if it is allowed."""
    route = exchange.routes[0]
    verdict = exchange.spend(route, Request({}, {"pair": pair}, 0))
    return None if verdict.allowed else exchange.over_limit(verdict, route)


def test_kraken_refuses_a_pair_at_one_call_a_second_from_the_103rd_on() -> None:
    clock = ManualClock()
    exchange = Kraken(Wiring(CandleBook(), clock=clock))
    refused = []
    for call in range(1, 141):
        answer = ohlc(exchange, "XBTUSD")
        if answer is not None:
            refused.append(call)
            assert answer.body == {"error": ["EGeneral:Too many requests"]}
        clock.now += 1
    assert refused[0] == 103
    assert 4 <= len(refused) <= 8


def test_kraken_never_refuses_one_call_in_1_2_seconds_for_each_of_four_pairs() -> None:
    clock = ManualClock()
    exchange = Kraken(Wiring(CandleBook(), clock=clock))
    for _ in range(500):
        assert [ohlc(exchange, pair) for pair in ("XBTUSD", "ETHUSD", "SOLUSD", "ADAUSD")] == [None] * 4
        clock.now += 1.2


def test_kraken_refuses_an_address_that_requests_many_pairs_at_once() -> None:
    exchange = Kraken(Wiring(CandleBook(), clock=ManualClock()))
    answers = [ohlc(exchange, f"PAIR{number}") for number in range(16)]
    assert answers[:15] == [None] * 15
    assert answers[15] is not None
    assert answers[15].body == {"error": ["EAPI:Rate limit exceeded"]}


def test_kraken_refuses_for_seconds_and_longer_if_requests_continue() -> None:
    clock = ManualClock()
    exchange = Kraken(Wiring(CandleBook(), clock=clock))
    answers = [ohlc(exchange, f"PAIR{number}") for number in range(16)]
    clock.now += 2
    answers.append(ohlc(exchange, "PAIR20"))
    clock.now += 2
    answers.append(ohlc(exchange, "PAIR21"))
    clock.now += 3
    answers.append(ohlc(exchange, "PAIR22"))
    assert [answer is None for answer in answers[15:]] == [False, False, False, True]
