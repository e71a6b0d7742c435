"""What is shown of the pace that tasks have learnt from refusals, read from a real Redis."""

from __future__ import annotations

import time

import pytest

from candle_ingest.connections import ExchangeConnection, connect_redis
from candle_ingest.errors.servers import RedisUnreachableError
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.learnt_pace import MAX_SLOWDOWN, STEP
from candle_ingest.exchanges.rate_limit import limit_name
from candle_ingest.exchanges.request_budget import Budget, RequestBudgets
from candle_ingest.exchanges.shared_pace import KEY, learn_from_refusal, read_pace
from candle_ingest.reports.exchange_pace import pace_in_words, read_exchange_paces

pytestmark = pytest.mark.integration


@pytest.fixture
def client(connections):
    with connect_redis() as opened:
        yield opened


def test_a_refusal_of_one_task_slows_all_down_and_is_shown(client, exchanges):
    url = exchanges.exchange_url("kraken")
    exchanges.set_fault("kraken", "error", error="EGeneral:Too many requests", count=1)
    first, second = (ExchangeClient(ExchangeConnection("kraken", url), redis_client=client) for _ in range(2))
    usual = second.pace()
    first.fetch_markets()
    assert second.pace().seconds([1, 5]) == pytest.approx(usual.seconds([1, 5]) * STEP, rel=0.01)
    shown = {pace.exchange: pace_in_words(pace.slowdown) for pace in read_exchange_paces(client, ["kraken", "binance"])}
    assert shown == {"kraken": "1.5 times slower", "binance": "usual"}


def test_what_many_tasks_learn_at_once_counts_once_and_expires(client):
    name = limit_name("kraken", "http://one.example")
    learnt = [learn_from_refusal(client, name) for _ in range(5)]
    assert len(set(learnt)) == 1
    assert 0 < client.ttl(KEY.format(name)) <= 12 * 3600
    assert read_pace(client, name)[1] <= MAX_SLOWDOWN


def test_a_value_of_somebody_else_is_an_error_that_names_the_key(client, exchanges):
    client.set(KEY.format(limit_name("kraken", exchanges.exchange_url("kraken"))), "fast")
    with pytest.raises(RedisUnreachableError, match="candle_ingest:pace:"):
        read_exchange_paces(client, ["kraken"])


def test_a_value_of_somebody_else_leaves_the_task_to_ccxts_own_throttle(client, exchanges, caplog):
    url = exchanges.exchange_url("kraken")
    client.set(KEY.format(limit_name("kraken", url)), "fast")
    kraken = ExchangeClient(ExchangeConnection("kraken", url), redis_client=client)
    assert kraken.fetch_markets()
    assert kraken.pace().slowdown == 1
    assert "No shared rate limit" in caplog.text


def test_a_request_takes_from_all_budgets_or_from_none(client):
    budgets = RequestBudgets(client)
    pair, address = Budget("candle_ingest:rate:pair", 60.0, 60.0), Budget("candle_ingest:rate:address", 60.0, 180.0)
    assert budgets.take([address, pair]) == (0, 0)
    wait_seconds, slowest = budgets.take([address, pair])
    assert (59 < wait_seconds <= 60, slowest) == (True, 1)
    # Two of three are left for the address, as the refused request has taken none.
    assert [budgets.take([address])[0] > 0 for _ in range(3)] == [False, False, True]


def test_a_request_larger_than_the_burst_is_granted_once_the_budget_is_whole(client):
    budgets, large = RequestBudgets(client), Budget("candle_ingest:rate:large", 60.0, 10.0)
    assert budgets.take([large]) == (0, 0)
    assert budgets.take([large])[0] > 50


def test_a_budget_left_in_the_future_by_a_clock_set_back_holds_nobody_for_long(client):
    client.set("candle_ingest:rate:future", 9 * 10**15)
    budgets, budget = RequestBudgets(client), Budget("candle_ingest:rate:future", 0.1, 0.2)
    wait_seconds, _ = budgets.take([budget])
    assert 0 < wait_seconds <= 0.1
    time.sleep(wait_seconds + 0.01)
    assert budgets.take([budget]) == (0, 0)
