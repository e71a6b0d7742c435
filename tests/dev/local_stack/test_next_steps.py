import pytest

from dev.local_stack import next_steps
from dev.local_stack.next_steps import open_page, show_next_steps
from dev.local_stack.options import StackOptions
from dev.local_stack.ports import release
from dev.local_stack.report import SymbolReport
from dev.local_stack.stack import plan_stack


@pytest.fixture
def stack(tmp_path, monkeypatch):
    monkeypatch.setattr("dev.local_stack.stack.find_influxd", lambda say, progress: tmp_path / "influxd")
    (tmp_path / "simulated").mkdir()
    yield plan_stack(StackOptions(folder=tmp_path), lambda text: None, lambda text: None)
    release()


def report(last_open_time_ms, final_watermark_ms=None):
    counts = dict.fromkeys(("expected_count", "stored_count", "quiet_count", "missing_count"), 0)
    return SymbolReport(
        ticker="ethusd",
        currency_pair="ETH/USD",
        first_open_time_ms=None,
        last_open_time_ms=last_open_time_ms,
        backfill_watermark_ms=None,
        final_watermark_ms=final_watermark_ms,
        catch_up_watermark_ms=None,
        **counts,
    )


def test_the_next_steps_are_the_page_a_minute_that_exists_and_going_live(stack):
    said = []
    show_next_steps(stack, [report(None), report(1_764_072_000_000, 1_764_072_000_000)], said.append)
    assert len(said) == 4
    assert f"{stack.airflow.url}/plugin/candles  sign in as admin" in said[1]
    assert said[1].endswith(f"password {stack.secrets.airflow_admin_password}")
    assert said[2].endswith("terminal.sh && candle-ingest explain ETH/USD 2025-11-25T12:00Z")
    assert "MARKET=live" in said[3]


def test_the_minute_is_a_final_one_of_any_symbol(stack):
    said = []
    show_next_steps(stack, [report(1_764_072_000_000), report(None, 1_764_028_740_000)], said.append)
    assert said[2].endswith("explain ETH/USD 2025-11-24T23:59Z")
    assert "No day is final" not in "".join(said)


def test_a_minute_that_is_not_final_is_marked_as_such(stack):
    said = []
    show_next_steps(stack, [report(1_764_072_000_000)], said.append)
    assert said[2].endswith("explain ETH/USD 2025-11-25T12:00Z")
    assert "No day is final yet" in said[3]


def test_if_nothing_is_stored_the_example_is_status(stack):
    said = []
    show_next_steps(stack, [report(None)], said.append)
    assert said[2].endswith("candle-ingest status")


def test_without_a_browser_the_address_is_printed(stack, monkeypatch):
    monkeypatch.setattr(next_steps.webbrowser, "open", lambda url: False)
    said = []
    open_page(stack, said.append)
    assert said == [f"OPEN=1: no browser was found here; open {stack.airflow.url}/plugin/candles"]
