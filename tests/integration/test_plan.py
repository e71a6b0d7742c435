"""The plan of a backfill, by the command of the terminal, against what a backfill then costs."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime, timedelta

import pytest

from candle_ingest.__main__ import run_command
from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.candles.window import Window
from candle_ingest.exchanges import request_gate
from candle_ingest.planning.backfill import plan_backfill
from candle_ingest.settings import PipelineSettings
from tests.integration.steps import run_steps

pytestmark = pytest.mark.integration
EXCHANGES = ("binance", "kraken", "gate")


@pytest.fixture
def environment(connections, redis_server, monkeypatch):
    """Redis lists two symbols."""
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "nonsenseusd"]))
    monkeypatch.setenv("CANDLE_INGEST_EXCHANGES", ",".join(EXCHANGES))
    monkeypatch.setenv("CANDLE_INGEST_BACKFILL_START_DATE", "8_days_ago")


@pytest.fixture
def plan(environment, monkeypatch, capsys):
    """The command in this process: Airflow and ccxt are imported already."""

    def call(*options: str, status: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["candle_ingest", "plan", *options])
        with pytest.raises(SystemExit) as ended:
            run_command()
        said = capsys.readouterr()
        assert ended.value.code == status, said.err
        return said.out + said.err

    return call


def test_the_plan_says_what_each_exchange_costs_and_what_cannot_be_had(plan):
    text = plan()
    assert "8 intervals from" in text
    assert "gate no longer serves BTC/USD before" in text
    assert re.search(r"^ *bitstamp, rates +1 ", text, re.MULTILINE)
    assert "Left out, because too few exchanges list them: NONSENSE/USD" in text


def test_the_plan_is_what_a_backfill_then_costs(plan, exchanges, influxdb_server):
    found = json.loads(plan("--json").splitlines()[-1])
    planned = {
        (entry["exchange"], entry["is_rates"]): entry["candle_calls"] + entry["trade_calls"]
        for entry in found["exchanges"]
    }
    assert {exchange for exchange, is_rates in planned if is_rates} == {"coinbaseexchange", "bitstamp", "kraken"}
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    settings = PipelineSettings(
        name="candle", exchanges=("binance", "kraken"), influxdb_bucket=influxdb_server.new_bucket()
    )
    calls = 0
    exchanges.reset_requests()
    for days in (8, 7):
        start_ms = int((midnight - timedelta(days=days)).timestamp() * 1000)
        window = Window(start_ms, start_ms + 86_400_000)
        calls += run_steps(settings, "backfill", window, int(datetime.now(UTC).timestamp() * 1000)).requests
    quarter = (sum(planned.values()) - planned["gate", False]) / 4
    assert calls == pytest.approx(quarter, rel=0.25)


def test_a_symbol_that_only_some_exchanges_list_is_planned_as_it_is_fetched(plan):
    found = json.loads(plan("--symbols", "etheur", "--json").splitlines()[-1])
    assert found["too_few"] == []
    assert [(e["exchange"], e["symbols"]) for e in found["exchanges"] if e["candle_calls"] and not e["is_rates"]]


@pytest.fixture
def plan_without_binance(environment, monkeypatch):
    """`plan_without_binance(minimum)`: the plan for BTC/USD on two exchanges, of which binance does not answer."""
    monkeypatch.setattr(request_gate, "FIRST_WAIT_SECONDS", 0.01)
    nowhere = json.dumps({"conn_type": "generic", "host": "http://127.0.0.1:9"})
    monkeypatch.setenv("AIRFLOW_CONN_CCXT_BINANCE", nowhere)

    def plan(minimum):
        settings = PipelineSettings(name="candle", exchanges=("binance", "kucoin"), min_exchanges_required=minimum)
        return plan_backfill(settings, [parse_symbol("btcusd")], None, datetime(2026, 3, 1, tzinfo=UTC))

    return plan


def test_an_exchange_that_does_not_answer_may_list_a_planned_symbol(plan_without_binance):
    assert plan_without_binance(2).too_few == []


def test_an_exchange_that_does_not_answer_is_named(plan_without_binance):
    found = plan_without_binance(1)
    assert list(found.unreachable) == ["binance"]
    assert [entry.exchange for entry in found.exchanges if not entry.is_rates] == ["kucoin"]


def test_what_an_exchange_says_is_shown_as_it_is(plan, exchanges):
    exchanges.set_fault("binance", "status", status=503, body="<p>[red]down[/html]</p>")
    said = plan("--symbols", "btcusd", status=1)
    assert re.search(r"^binance is unreachable: .*<p>\[red\]down\[/html\]</p>", said, re.MULTILINE)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_history_that_begins_today_has_nothing_to_plan(plan, monkeypatch, form):
    today = datetime.now(UTC).date().isoformat()
    monkeypatch.setenv("CANDLE_INGEST_BACKFILL_START_DATE", today)
    said = plan("--symbols", "btcusd", *form, status=2)
    message = f"backfill_start_date is {today}: there is no history to plan, as no @daily interval has ended since"
    assert said.splitlines()[-1] == f"{message} [history-empty]"


def test_a_symbol_that_no_exchange_lists_is_named_with_near_ones(plan):
    said = plan("--symbols", "btcusd,ehtusd", status=2).splitlines()[-1]
    assert said.startswith("EHT/USD is listed by none of binance, kraken, gate; did you mean ")
    assert "ETH/USD" in said
    assert said.endswith("[symbol-unlisted]")


def test_symbols_on_too_few_exchanges_are_no_plan(plan, exchanges, monkeypatch):
    monkeypatch.setenv("CANDLE_INGEST_MIN_EXCHANGES_REQUIRED", "3")
    assert "Left out, because too few exchanges list them: ETH/EUR" in plan("--symbols", "etheur", status=1)


def test_a_redis_that_is_not_there_is_said_in_one_line(plan, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_REDIS_DEFAULT", "redis://127.0.0.1:9")
    assert plan(status=3).splitlines()[-1].startswith("Redis does not answer as it should")


def test_a_pipeline_that_does_not_exist_is_named(plan):
    assert "no pipeline 'other'; there are candle" in plan("--pipeline", "other", status=2)
