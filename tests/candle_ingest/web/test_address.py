import pytest

from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.web.address import BadAddressError, day_of, moment_ms, pair_of, pairs_of, window_of

DAY = 1_767_225_600_000


@pytest.mark.parametrize("text", ["btcusd", "BTC/USD", "btc-usd", "BTC_USD"])
def test_symbols_as_everywhere_else(text):
    assert pair_of(text) == "BTC/USD"


@pytest.mark.parametrize(
    "text",
    ["", "BTC", 'BTC/USD" or true', "BTC/USD|>drop()", "BTC/US\\D", "BTC/U\nSD", "BTC/USD/EUR", "ßTC/USD", "${x}/USD"],
)
def test_anything_else_is_refused(text):
    with pytest.raises(BadAddressError, match="is not a symbol: write BTC/USD"):
        pair_of(text)


def test_a_window_has_its_start_and_not_its_end():
    assert window_of("2026-01-01", "2026-01-02T00:00Z") == Window(DAY, DAY + DAY_MS)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("2026-01-02", "2026-01-01", "is not after start"),
        ("2026-01-01", "2026-01-01", "is not after start"),
        ("2010-01-01", "2026-01-01", "longer than 3660 days"),
        ("yesterday", "2026-01-01", "start is 'yesterday'; expected a time such as"),
        ("2026-01-01", "now()", "end is"),
        ("0001-01-01", "2026-01-01", "between 2009 and 2100"),
        ("9999-12-31T23:59-23:00", "2026-01-01", "start is"),
    ],
)
def test_impossible_ranges_are_refused(start, end, message):
    with pytest.raises(BadAddressError, match=message):
        window_of(start, end)


def test_a_day_is_the_one_that_contains_the_moment():
    assert day_of("2026-01-01T13:45") == Window(DAY, DAY + DAY_MS)


def test_seconds_are_kept():
    assert moment_ms("time", "2026-01-01T00:00:07Z") == DAY + 7000


def test_pairs_are_separated_by_commas_and_each_counts_once():
    assert pairs_of("btcusd,ETH/USD,BTC/USD") == ("BTC/USD", "ETH/USD")


def test_too_many_pairs_are_refused():
    with pytest.raises(BadAddressError, match="101 are too many; request at most 100"):
        pairs_of(",".join(f"A{number}/USD" for number in range(101)))
