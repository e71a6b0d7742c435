"""What is shown of the pace that tasks have learnt from refusals, read from a real Redis."""

from __future__ import annotations

import pytest

from candle_ingest.connections import ExchangeConnection, connect_redis
from candle_ingest.errors.servers import RedisUnreachableError
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.learnt_pace import MOST_SLOWDOWN, STEP
from candle_ingest.exchanges.rate_limit import limit_name
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
    assert read_pace(client, name)[1] <= MOST_SLOWDOWN


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
