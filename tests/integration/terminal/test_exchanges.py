"""`exchanges`: the requests to each exchange, and why one fails."""

from __future__ import annotations

import pytest

from tests.integration.terminal.commands import content, rows, text

pytestmark = pytest.mark.integration


@pytest.mark.usefixtures("filled", "at_true_time")
def test_the_exchanges_are_counted():
    found = {row["exchange"]: row for row in content("exchanges")["exchanges"]}
    assert {name: (row["state"], row["ok"], row["failed"]) for name, row in found.items()} == {
        "binance": ("up", 2, 0),
        "coinbaseexchange": ("up", 4, 0),
        # Only for the rate of USDT.
        "bitstamp": ("up", 2, 0),
        "kraken": ("up", 2, 0),
    }
    assert rows(text("exchanges"))["binance"][1] == "up"


@pytest.mark.usefixtures("without_coinbase", "at_true_time")
def test_an_exchange_that_fails_is_named_with_its_reason():
    output = text("exchanges", status=1)
    # Its USDT/USD still answers.
    assert rows(output)["coinbaseexchange"][1:3] == ["partly", "failing"]
    assert "coinbaseexchange, BTC/USD" in output
    assert "503" in output
