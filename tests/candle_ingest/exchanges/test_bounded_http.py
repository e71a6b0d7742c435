"""Answers without an end, from a real server."""

import resource
import time

import ccxt
import pytest

from candle_ingest.connections import ExchangeConnection
from candle_ingest.errors import TemporaryError
from candle_ingest.exchanges import bounded_http, request_gate
from candle_ingest.exchanges.client import ExchangeClient
from dev.exchange_simulator.coins import utc_ms

NOW_MS = utc_ms("2026-03-11")


@pytest.fixture
def exchange(simulator):
    yield ExchangeClient(ExchangeConnection("binance", simulator.exchange_url("binance")), sleep=lambda _: None)
    simulator.clear_faults()


@pytest.mark.parametrize("compressed", [False, True])
def test_a_huge_answer_is_refused_and_memory_stays_bounded(simulator, exchange, monkeypatch, compressed):
    monkeypatch.setattr(request_gate, "ATTEMPTS", 1)
    simulator.set_fault("binance", "huge", megabytes=200, compressed=compressed)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TemporaryError, match="the answer is larger than 64 MB; it was not read further"):
        exchange.fetch_markets()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 160_000


@pytest.mark.parametrize("when", ["before", "middle"])
def test_a_slowly_dripping_answer_is_abandoned_in_time(simulator, exchange, monkeypatch, when):
    monkeypatch.setattr(bounded_http, "MAX_ANSWER_SECONDS", 0.5)
    simulator.set_fault("binance", "drip", seconds=0.02, when=when, count=1)
    began = time.monotonic()
    assert exchange.fetch_markets()
    assert exchange.request_count == 2
    assert time.monotonic() - began < 5


def test_an_answer_holds_exactly_what_the_server_sent(simulator, exchange):
    simulator.set_fault("binance", "huge", megabytes=3, compressed=True)
    assert exchange._api.publicGetTime() == []
    assert len(exchange._api.session.get(f"{simulator.exchange_url('binance')}/x", timeout=5).content) == 3 * 2**20 + 2


def test_a_truncated_body_is_an_error(simulator, exchange):
    for kind in ("truncate", "reset"):
        simulator.set_fault("binance", kind, count=1, **({"when": "middle"} if kind == "reset" else {}))
        with pytest.raises(ccxt.NetworkError):
            exchange._api.publicGetExchangeInfo()


def test_an_exchange_without_any_market_has_not_answered(simulator, exchange):
    simulator.set_fault("binance", "body", body='{"symbols": []}')
    with pytest.raises(TemporaryError, match="the answer lists no spot market at all"):
        exchange.fetch_markets()
