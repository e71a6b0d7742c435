import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.window import Window
from candle_ingest.planning.fetch_request import FetchRequest, batch_label, batches

EXCHANGES = ("binance", "coinbaseexchange", "kraken")


def request(base="BTC", exchange="kraken", start_ms=0, end_ms=600_000, reread_before_ms=0):
    market = {"id": f"X{base}", "symbol": f"{base}/USDT"}
    return FetchRequest(
        ticker=f"{base.lower()}usd", currency_pair=f"{base}/USD", exchange=exchange, market=market,
        start_ms=start_ms, end_ms=end_ms, reread_before_ms=reread_before_ms,
    )  # fmt: skip


def grid(symbols, exchanges):
    return [request(f"C{number:03}", exchange) for number in range(symbols) for exchange in EXCHANGES[:exchanges]]


def flat(found):
    return [request for batch in found for request in batch]


@pytest.mark.parametrize(
    ("reread_before_ms", "reread"),
    [
        (0, Window(0, 0)),
        (-60_000, Window(0, 0)),
        (300_000, Window(0, 300_000)),
        (600_000, Window(0, 600_000)),
        (900_000, Window(0, 600_000)),
    ],
)
def test_what_is_asked_for_again_is_the_part_of_the_window_before_that_time(reread_before_ms, reread):
    assert request(reread_before_ms=reread_before_ms).reread == reread


def test_a_request_comes_back_from_xcom_as_it_was():
    assert FetchRequest.from_dict(json.loads(json.dumps(request().to_dict()))) == request()


def test_an_instance_has_one_request_as_long_as_there_is_room():
    requests = grid(4, 3)
    assert batches(requests, 12) == [[one] for one in requests]


@given(st.integers(0, 60), st.integers(1, 3), st.integers(3, 40))
def test_batches_hold_every_request_once_within_the_limit_and_one_exchange_each(symbols, exchanges, most_instances):
    requests = grid(symbols, exchanges)
    found = batches(requests, most_instances)
    assert sorted(map(str, flat(found))) == sorted(map(str, requests))
    assert len(found) <= most_instances
    assert all(batch for batch in found)
    assert all(len({one.exchange for one in batch}) == 1 for batch in found)


@given(st.integers(1, 60), st.integers(3, 40))
def test_batches_of_an_exchange_are_about_equally_large(symbols, most_instances):
    sizes = [len(batch) for batch in batches(grid(symbols, 3), most_instances)]
    assert max(sizes) <= -(-symbols // max(1, most_instances // 3))


def test_nothing_to_fetch_is_no_instance():
    assert batches([], 10) == []


@pytest.mark.parametrize(
    ("batch", "label"),
    [
        ([request("BTC")], "BTC/USD @ kraken"),
        ([request("ADA"), request("BTC"), request("XRP")], "ADA/USD to XRP/USD (3 symbols) @ kraken"),
    ],
)
def test_an_instance_has_a_label_that_one_can_read(batch, label):
    assert batch_label(batch) == label


def test_several_symbols_share_an_instance_where_one_is_told_to():
    found = batches(grid(7, 2), 1024, symbols_per_fetch=3)
    assert [(batch[0].exchange, len(batch)) for batch in found] == [
        ("binance", 3), ("binance", 3), ("binance", 1),
        ("coinbaseexchange", 3), ("coinbaseexchange", 3), ("coinbaseexchange", 1),
    ]  # fmt: skip


def test_all_windows_of_a_symbol_on_an_exchange_stay_together():
    early, late = request(end_ms=60_000), request(start_ms=120_000)
    assert batches([early, request("ETH"), late], 1024) == [[early, late], [request("ETH")]]
    assert batch_label([early, late]) == "BTC/USD @ kraken"
