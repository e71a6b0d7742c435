import io
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console

from dev.local_stack.report import SymbolReport
from dev.local_stack.report_table import report_table, what_is_missing

START, END = datetime(2026, 11, 15, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)


def symbol(ticker, missing):
    return SymbolReport(
        ticker=ticker,
        currency_pair=f"{ticker[:3].upper()}/USD",
        expected_count=10080,
        stored_count=10070 - missing,
        quiet_count=10,
        missing_count=missing,
        first_open_time_ms=int(START.timestamp() * 1000),
        last_open_time_ms=None,
        backfill_watermark_ms=int(END.timestamp() * 1000),
        catch_up_watermark_ms=None,
    )


def shown(symbols, **options):
    screen = io.StringIO()
    Console(file=screen, width=120).print(report_table(symbols, START, END, **options))
    return screen.getvalue()


def test_one_line_per_symbol():
    text = shown([symbol("btcusd", 0), symbol("ethusd", 5)], simulated=True)
    assert "SIMULATED candles from 2026-11-15 00:00 to 2026-11-22 00:00 UTC" in text
    words = next(line.split() for line in text.splitlines() if "ETH/USD" in line)
    assert words == [
        "ETH/USD",
        "10,065",
        "10,080",
        "10",
        "5",
        "2026-11-15",
        "00:00",
        "-",
        "2026-11-22",
        "00:00",
    ]


def test_what_is_missing_is_a_sentence():
    complete, incomplete = symbol("btcusd", 0), symbol("ethusd", 5)
    assert what_is_missing([complete], ["btcusd"]) is None
    assert what_is_missing([complete, incomplete], ["btcusd"]) == "Candles are missing: ETH/USD 5."
    waiting = replace(incomplete, waits_for="2026-11-18T14:08Z: binance silent")
    assert what_is_missing([complete, waiting], []).endswith("ETH/USD 5. ETH/USD, 2026-11-18T14:08Z: binance silent.")
    assert "solusd" in what_is_missing([complete], ["btcusd", "solusd"])
