import ccxt
import pytest

from candle_ingest.core.exchange_facts import EXCHANGE_ALIASES, FACTS, canonical_exchange, exchange_facts

MOST_ROWS = {"binance": 1000, "coinbaseexchange": 300, "kraken": 720, "kucoin": 1500, "htx": 1000}


@pytest.mark.parametrize(
    ("written", "exchange"),
    [
        ("coinbasepro", "coinbaseexchange"),
        ("gdax", "coinbaseexchange"),
        ("huobi", "htx"),
        ("huobipro", "htx"),
        ("gateio", "gate"),
        ("Kraken", "kraken"),
        (" coinbase exchange ", "coinbaseexchange"),
        ("Coinbase Pro", "coinbaseexchange"),
        ("coinbase", "coinbase"),
        ("nowhere", "nowhere"),
    ],
)
def test_old_names_and_other_spellings_mean_the_exchange_that_ccxt_has(written, exchange):
    assert canonical_exchange(written) == exchange


@pytest.mark.parametrize(("old", "new"), EXCHANGE_ALIASES.items())
def test_an_alias_is_a_name_that_ccxt_dropped_for_one_that_it_has(old, new):
    assert old not in ccxt.exchanges
    assert new in ccxt.exchanges


@pytest.mark.parametrize(("exchange", "rows"), MOST_ROWS.items())
def test_an_exchange_is_asked_for_as_many_rows_as_it_gives_at_once(exchange, rows):
    assert exchange_facts(exchange).rows_per_request == rows


@pytest.mark.parametrize("exchange", FACTS)
def test_every_exchange_in_the_table_serves_candles_through_ccxt(exchange):
    assert getattr(ccxt, exchange)().has["fetchOHLCV"]


def test_only_kraken_ends_its_history_and_then_has_trades_instead():
    ending = {name: facts for name, facts in FACTS.items() if facts.history_rows is not None}
    assert list(ending) == ["kraken"]
    assert ending["kraken"].trades_per_request == 1000


def test_an_exchange_outside_the_table_is_asked_for_no_more_than_any_known_one_gives():
    assert exchange_facts("bitstamp").rows_per_request <= min(MOST_ROWS.values())
