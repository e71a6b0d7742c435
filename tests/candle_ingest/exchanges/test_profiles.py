import ccxt
import pytest

from candle_ingest.exchanges.profiles import EXCHANGE_ALIASES, PROFILES, SAME_API, canonical_exchange, exchange_profile
from candle_ingest.exchanges.rate_limit import BURST_SECONDS, MARKET_BURST, MIN_BURST_COST
from tests.support.max_rows import MAX_ROWS

# Published: so many requests for candles in so many seconds; bursts that are allowed are part of it.
PUBLISHED = {
    "binance": (3000, 60),
    "coinbaseexchange": (615, 60),
    "kraken": (65, 60),
    "kucoin": (666, 30),
    "htx": (610, 60),
    "binanceus": (1200, 60),
    "coinbase": (10, 1),
    "okx": (20, 2),
    "bybit": (600, 5),
    "bitstamp": (10_000, 600),
    "gate": (200, 10),
}


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


@pytest.mark.parametrize(("exchange", "rows"), MAX_ROWS.items())
def test_as_many_rows_are_requested_as_the_exchange_serves_at_once(exchange, rows):
    profile = exchange_profile(exchange)
    # A retry of gate asks for one more.
    assert profile.rows_per_request + profile.ends_by_limit == rows


@pytest.mark.parametrize("exchange", PROFILES)
def test_every_exchange_in_the_table_serves_candles_through_ccxt(exchange):
    assert getattr(ccxt, exchange)().has["fetchOHLCV"]


def test_kraken_and_gate_end_their_history_and_kraken_then_has_trades_instead():
    ending = {name: facts for name, facts in PROFILES.items() if facts.history_rows is not None}
    assert list(ending) == ["kraken", "gate"]
    assert [facts.trades_per_request for facts in ending.values()] == [1000, None]
    assert ending["gate"].history_rows < 9_998


def test_exchanges_with_an_exclusive_end_or_none_are_given_no_end():
    assert [name for name, facts in PROFILES.items() if not facts.takes_until] == ["kraken", "kucoin", "okx"]


@pytest.mark.parametrize(("exchange", "published"), PUBLISHED.items())
def test_all_tasks_together_stay_below_the_published_limit(exchange, published):
    requests, seconds = published
    facts = exchange_profile(exchange)
    unit_ms = facts.rate_limit_ms or getattr(ccxt, exchange)().rateLimit
    burst = max(MIN_BURST_COST, 1000 * BURST_SECONDS / unit_ms)
    if facts.market_seconds:
        assert MARKET_BURST + seconds / facts.market_seconds <= requests
    else:
        assert int((burst + 1000 * seconds / unit_ms) / facts.call_cost) <= requests


def test_an_unknown_exchange_is_asked_for_no_more_rows_than_any_known_one_serves():
    assert "gemini" not in PROFILES
    unknown = exchange_profile("gemini")
    assert unknown.rows_per_request + unknown.spare_rows <= min(MAX_ROWS.values())


@pytest.mark.parametrize(("site", "exchange"), SAME_API.items())
def test_a_regional_site_is_a_subclass_in_ccxt_with_the_same_candle_requests(site, exchange):
    assert site not in PROFILES
    assert exchange_profile(site) is PROFILES[exchange]
    assert getattr(ccxt, site).fetch_ohlcv is getattr(ccxt, exchange).fetch_ohlcv
