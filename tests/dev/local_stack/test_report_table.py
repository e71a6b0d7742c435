import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from dev.local_stack.report import SymbolReport
from dev.local_stack.report_table import report_table, what_is_missing
from dev.local_stack.stored_candles import UNLISTED

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
        final_watermark_ms=None,
        backfill_watermark_ms=int(END.timestamp() * 1000),
        catch_up_watermark_ms=None,
    )


def shown(symbols, width=120):
    screen = io.StringIO()
    Console(file=screen, width=width).print(report_table(symbols, START, END, simulated=True, width=width))
    return screen.getvalue()


def test_a_wide_terminal_gets_one_line_per_symbol():
    text = shown([symbol("btcusd", 0), symbol("ethusd", 5)])
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


def test_at_80_columns_dates_are_above_times():
    full = replace(symbol("dogeusd", 5), expected_count=525_600, last_open_time_ms=int(END.timestamp() * 1000))
    text = shown([full], width=80)
    first, second = text.rstrip().splitlines()[-2:]
    assert first.split() == ["DOG/USD", "10,065", "525,600", "10", "5", "2026-11-15", "2026-11-22", "2026-11-22"]
    assert second.split() == ["00:00", "00:00", "00:00"]


@pytest.mark.parametrize("width", [120, 80, 40])
def test_no_width_cuts_a_value(width):
    years = replace(symbol("ethusd", 5), currency_pair="1000SATS/USDT", expected_count=15_768_000)
    text = shown([years], width)
    assert {"1000SATS/USDT", "15,768,000", "10,065", "2026-11-22"} <= set(text.split())
    assert "…" not in text


def test_missing_candles_are_one_sentence():
    complete, incomplete = symbol("btcusd", 0), symbol("ethusd", 5)
    assert what_is_missing([complete], ["btcusd"]) is None
    assert what_is_missing([complete, incomplete], ["btcusd"]) == "Candles are missing: ETH/USD 5"
    waiting = replace(incomplete, waits_for="ETH/USD, 2026-11-18T14:08Z: binance silent")
    assert what_is_missing([complete, waiting], []).endswith("ETH/USD 5. ETH/USD, 2026-11-18T14:08Z: binance silent")
    unlisted = replace(incomplete, waits_for=UNLISTED.format("ETH/USD"))
    assert what_is_missing([unlisted], []) == (
        "Candles are missing: ETH/USD 5. ETH/USD: too few exchanges list it; check its spelling, EXCHANGES and "
        "min_exchanges_required"
    )
    assert "solusd" in what_is_missing([complete], ["btcusd", "solusd"])
