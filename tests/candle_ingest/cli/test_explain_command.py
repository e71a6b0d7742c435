"""What `explain` prints of the worked minute in docs/explanation/how-a-price-is-made.md."""

import numpy as np
import pytest
from rich.console import Console

from candle_ingest.candles.merge import Conversion
from candle_ingest.candles.rates import RateSeries
from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.cli import explain_command, output
from candle_ingest.reports.explanation import ExchangeCandle, MergeRules, StoredMerge, explain

MINUTE = Window(1_700_000_040_000, 1_700_000_040_000 + MINUTE_MS)
CANDLES = {
    "binance": ExchangeCandle((60090.0, 60150.0, 60060.0, 60120.0, 42.0), "BTC/USDT"),
    "coinbaseexchange": ExchangeCandle((60000.0, 60060.0, 59980.0, 60030.0, 12.5), "BTC/USD"),
    "kraken": ExchangeCandle((60002.0, 60050.0, 54000.0, 60024.0, 3.5), "BTC/USD"),
}


@pytest.fixture
def printed(monkeypatch, capsys):
    """Return what a terminal of 80 columns shows of the minute, merged or not."""

    def lines(*, merged):
        series = RateSeries(MINUTE, np.array([0.9985]), ("USDT/USD: kraken",), np.array([[True]]))
        conversion = Conversion("USD", {"binance": "USDT"}, {"USDT": series})
        rules = MergeRules(exchanges=tuple(CANDLES))
        stored = StoredMerge(explain(MINUTE, CANDLES, None, {}, None, rules, conversion).merged, tuple(CANDLES))
        found = explain(MINUTE, CANDLES, stored if merged else None, {}, None, rules, conversion)
        console = Console(force_terminal=True, color_system=None, width=80, soft_wrap=True, highlight=False)
        monkeypatch.setattr(output, "_console", lambda: console)
        explain_command._print("BTC/USD", found)
        return capsys.readouterr().out.splitlines()

    return lines


def test_the_table_fits_80_columns_and_shows_each_step(printed):
    lines = printed(merged=True)
    assert lines[1].split() == ["open", "high", "low", "close", "volume", "weight"]
    assert max(map(len, lines[1:8])) <= 80
    assert [line.split() for line in lines[2:8]] == [
        ["binance", "60090", "60150", "60060", "60120", "42"],
        ["×", "0.9985", "59999.865", "60059.775", "59969.91", "60029.82", "42", "72.41", "%"],
        ["coinbaseexchange", "60000", "60060", "59980", "60030", "12.5", "21.55", "%"],
        ["kraken", "60002", "60050", "54000", "60024", "3.5"],
        ["clamped", "60002", "60050", "57114.2", "60024", "3.5", "6.04", "%"],
        ["merged", "60000.023", "60059.234", "59799.757", "60029.508", "58"],
    ]


def test_each_exchange_has_a_sentence_on_its_candle(printed):
    text = "\n".join(printed(merged=True))
    assert "binance: used, BTC/USDT × 0.9985 (USDT/USD: kraken)" in text
    assert "kraken: used, BTC/USD, clamped: low -10.0 %" in text


def test_a_minute_that_is_not_merged_shows_what_a_merge_would_give(printed):
    [line] = [line for line in printed(merged=False) if line.startswith("would be merged")]
    assert line.split()[3:] == ["60000.023", "60059.234", "59799.757", "60029.508", "58"]
