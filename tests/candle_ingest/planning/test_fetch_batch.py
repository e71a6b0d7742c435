import json

from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.window import Window
from candle_ingest.planning.fetch_batch import INSTANCES_PER_EXCHANGE, FetchBatch, split_batches
from candle_ingest.planning.plan import Plan

EXCHANGES = ("binance", "coinbaseexchange", "kraken")


def batch(exchange="kraken", count=3, windows=False):
    pairs = [f"SIM{n:03d}/USD" for n in range(count)]
    return FetchBatch(
        exchange=exchange,
        markets={pair: f"{pair}T" for pair in pairs},
        windows={pair: (Window(0, 60_000),) for pair in pairs} if windows else {},
    )


def test_the_plan_of_a_thousand_symbols_on_three_exchanges_is_under_100_kb():
    batches = split_batches([batch(name, 1000) for name in EXCHANGES], 1024, 25)
    plan = Plan(batches=batches, tickers=[f"SIM{n:03d}/USD" for n in range(1000)], end_ms=0)
    values = [[{"batch": b.to_xcom()} for b in batches], plan.to_xcom()]
    assert len(json.dumps(values)) + 1000 * 15 < 100_000


def test_thousands_of_symbols_on_eight_exchanges_take_few_instances_and_little_room():
    wanted = [batch(f"exchange{n}", 2000) for n in range(8)]
    batches = split_batches(wanted, 1024, 1)
    assert len(batches) == 8 * INSTANCES_PER_EXCHANGE
    assert len(json.dumps([one.to_xcom() for one in batches])) < 100_000


def test_a_batch_survives_the_trip_through_xcom():
    for one in (batch(), batch(windows=True), batch(count=125)):
        assert FetchBatch.from_xcom(json.loads(json.dumps(one.to_xcom()))) == one


def test_few_pairs_have_an_instance_each():
    found = split_batches([batch("kraken", 3), batch("htx", 2)], 1024, 1)
    assert {one.label for one in found} == {
        "SIM000/USD @ kraken", "SIM001/USD @ kraken", "SIM002/USD @ kraken", "SIM000/USD @ htx", "SIM001/USD @ htx"
    }  # fmt: skip
    assert len(found) == 5


def test_exchanges_take_turns_so_that_none_waits_for_a_slot_behind_another():
    found = split_batches([batch("binance", 3), batch("kraken", 1), batch("htx", 2)], 1024, 1)
    assert [one.exchange for one in found] == ["binance", "kraken", "htx", "binance", "htx", "binance"]


@given(st.lists(st.integers(1, 400), min_size=1, max_size=5), st.integers(5, 50), st.integers(1, 30))
def test_every_pair_is_in_one_instance_and_they_are_not_too_many(counts, most, symbols_per_fetch):
    wanted = [batch(f"exchange{n}", count) for n, count in enumerate(counts)]
    found = split_batches(wanted, most, symbols_per_fetch)
    assert len(found) <= max(most, len(wanted))
    for one in wanted:
        pairs = [pair for part in found if part.exchange == one.exchange for pair in part.markets]
        assert pairs == one.pairs
