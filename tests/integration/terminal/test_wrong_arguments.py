"""Symbols and options that a command cannot use."""

from __future__ import annotations

import pytest

from candle_ingest.errors import ConfigurationError
from candle_ingest.errors.symbols import SymbolUnknownError
from tests.integration.terminal.commands import run

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    "command",
    [
        ["explain", "btc/uds"],
        ["export", "btc/uds", "--from", "2026-03-10", "--to", "2026-03-11", "--to-file", "x.csv", "--allow-incomplete"],
        ["retry", "--symbols", "btcusd,btc/uds"],
        ["doctor", "--compare", "2026-03-10", "--symbol", "btc/uds"],
    ],
    ids=lambda command: command[0],
)
def test_a_misspelt_symbol_is_named_with_near_ones(settings, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SymbolUnknownError, match="BTC/UDS is neither listed in Redis nor stored; did you mean BTC/USD"):
        run(*command)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["coverage", "--from", "yesterday"], "--from is 'yesterday'; write"),
        (["coverage", "--from", "2026-03-02", "--to", "2026-03-01"], "is not after --from"),
        (["export", "BTC/USD", "--from", "2026-03-01", "--to", "2026-03-02", "--to-file", "a.xls"], "ends in .parquet"),
    ],
)
def test_a_wrong_option_is_named(settings, command, message):
    with pytest.raises(ConfigurationError, match=message):
        run(*command)
