"""Answers without an end, from a real server."""

import resource
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import ccxt
import pytest
import requests
import trustme

from candle_ingest.connections import ExchangeConnection
from candle_ingest.errors import TemporaryError
from candle_ingest.exchanges import bounded_http, request_gate
from candle_ingest.exchanges.bounded_http import BoundedAdapter
from candle_ingest.exchanges.client import ExchangeClient
from dev.exchange_simulator.coins import utc_ms
from dev.local_stack.ports import HOST
from tests.integration.servers.tls_front import tls_front

NOW_MS = utc_ms("2026-03-11")
AUTHORITY = trustme.CA()


@pytest.fixture
def exchange(simulator):
    yield ExchangeClient(ExchangeConnection("binance", simulator.exchange_url("binance")), sleep=lambda _: None)
    simulator.clear_faults()


@pytest.fixture(params=["plain", "TLS"])
def server(request, simulator):
    """The URL of the simulated binance, also behind TLS."""
    plain = simulator.exchange_url("binance")
    with tls_front(AUTHORITY.issue_cert(HOST), urlsplit(plain).port) as front:
        yield plain if request.param == "plain" else f"https://{HOST}:{front.port}/binance"
    simulator.clear_faults()


@pytest.fixture
def session(tmp_path):
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with requests.Session() as session:
        # As ccxt's session: a variable of the environment would name other authorities.
        session.trust_env, session.verify = False, str(tmp_path / "ca.pem")
        for scheme in ("http://", "https://"):
            session.mount(scheme, BoundedAdapter())
        yield session


@pytest.mark.parametrize("compressed", [False, True])
def test_a_huge_answer_is_refused_and_memory_stays_bounded(simulator, exchange, monkeypatch, compressed):
    monkeypatch.setattr(request_gate, "ATTEMPTS", 1)
    simulator.set_fault("binance", "huge", megabytes=200, compressed=compressed)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TemporaryError, match="the answer is larger than 64 MB; it was not read further"):
        exchange.fetch_markets()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 160_000


@pytest.mark.parametrize("when", ["before", "middle", "chunk"])
def test_a_slowly_dripping_answer_is_abandoned_in_time(simulator, exchange, monkeypatch, when):
    monkeypatch.setattr(bounded_http, "MAX_ANSWER_SECONDS", 0.5)
    simulator.set_fault("binance", "drip", seconds=0.02, when=when, count=1)
    began = time.monotonic()
    assert exchange.fetch_markets()
    assert exchange.request_count == 2
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("when", ["before", "middle", "chunk"])
def test_dripping_bytes_end_at_the_deadline_with_and_without_tls(simulator, server, session, monkeypatch, when):
    monkeypatch.setattr(bounded_http, "MAX_ANSWER_SECONDS", 0.5)
    simulator.set_fault("binance", "drip", seconds=0.02, when=when, count=1)
    began = time.monotonic()
    with pytest.raises((requests.Timeout, requests.ConnectionError)):
        session.get(f"{server}/api/v3/exchangeInfo", timeout=20)
    assert 0.4 < time.monotonic() - began < 10


def test_a_silent_server_is_given_up_after_the_timeout_of_the_request(simulator, server, session):
    simulator.set_fault("binance", "delay", seconds=2, count=1)
    with pytest.raises(requests.ReadTimeout, match=r"read timeout=0\.3"):
        session.get(f"{server}/api/v3/time", timeout=0.3)


def test_a_silent_server_is_given_up_at_the_deadline_if_that_is_earlier(simulator, server, session, monkeypatch):
    monkeypatch.setattr(bounded_http, "MAX_ANSWER_SECONDS", 0.3)
    simulator.set_fault("binance", "delay", seconds=15, count=1)
    began = time.monotonic()
    with pytest.raises(requests.ReadTimeout):
        session.get(f"{server}/api/v3/time", timeout=20)
    assert time.monotonic() - began < 10


def test_a_kept_connection_has_the_whole_time_for_each_response(simulator, server, session, monkeypatch):
    monkeypatch.setattr(bounded_http, "MAX_ANSWER_SECONDS", 2)
    simulator.set_fault("binance", "delay", seconds=0.8, count=3)
    used = [session.get(f"{server}/api/v3/time", timeout=20) for _ in range(3)]
    assert all(response.json() for response in used)
    assert [response.raw._pool.num_connections for response in used] == [1, 1, 1]


def test_after_a_slow_head_the_body_has_the_whole_time(session, monkeypatch):
    monkeypatch.setattr(bounded_http, "MAX_ANSWER_SECONDS", 2)
    # In two segments: the second is waited for no longer than until the deadline of the head.
    parts = [(1.4, b"HTTP/1.1 200 OK\r\n"), (0.05, b"Content-Length: 2\r\n\r\n"), (1, b"ok")]
    with sending(parts) as port:
        assert session.get(f"http://{HOST}:{port}", timeout=20).text == "ok"


@contextmanager
def sending(parts):
    """Serve one response in parts, each after a pause in seconds; yields the port."""

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.recv(2**16)
            for seconds, part in parts:
                time.sleep(seconds)
                connection.sendall(part)

    with socket.create_server((HOST, 0)) as listener, ThreadPoolExecutor(1) as pool:
        served = pool.submit(serve)
        yield listener.getsockname()[1]
        served.result()


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
