from candle_ingest.planning.market_choice import choose_markets


def market(symbol, active=True):
    return {"symbol": symbol, "active": active}


def choose(candidates, pinned=None):
    return choose_markets("kraken", ["BTC/USD"], {"BTC/USD": candidates}, pinned or {})


def test_a_new_series_uses_the_first_quote_that_trades():
    found = choose([market("BTC/USD", active=False), market("BTC/USDT")])
    assert found.markets["BTC/USD"]["symbol"] == "BTC/USDT"


def test_a_series_keeps_its_market_when_a_better_quote_appears():
    found = choose([market("BTC/USD"), market("BTC/USDT")], {"BTC/USD": "BTC/USDT"})
    assert found.markets["BTC/USD"]["symbol"] == "BTC/USDT"
    assert found.notes == [
        "kraken: BTC/USD keeps BTC/USDT, the market of its candles so far, although BTC/USD is listed"
    ]


def test_a_market_that_vanishes_is_not_replaced_by_another():
    found = choose([market("BTC/USDT")], {"BTC/USD": "BTC/USD"})
    assert (found.markets, found.not_listed) == ({}, {})
    assert "kraken no longer lists BTC/USD" in found.vanished["BTC/USD"]
    assert "BTC/USDT is another market" in found.vanished["BTC/USD"]


def test_a_halted_market_of_a_series_is_still_requested():
    found = choose([market("BTC/USD", active=False), market("BTC/USDT")], {"BTC/USD": "BTC/USD"})
    assert found.markets["BTC/USD"]["symbol"] == "BTC/USD"
    assert "trading in BTC/USD is halted" in found.notes[0]


def test_a_pair_without_a_market_is_not_listed_with_the_reason():
    assert choose([]).not_listed == {"BTC/USD": "kraken does not list BTC/USD"}
    assert "BTC/USD is halted" in choose([market("BTC/USD", active=False)]).not_listed["BTC/USD"]
