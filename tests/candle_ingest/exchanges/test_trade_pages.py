"""Candles from kraken's trades: by hypothesis, and over HTTP from the simulator."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.trades import Trade
from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.connections import ExchangeConnection
from candle_ingest.exchanges.candle_pages import candle_pages
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.trade_pages import _in_order, _joined
from candle_ingest.exchanges.trade_rows import parse_trade, parse_trades
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.markets import find_market
from dev.exchange_simulator.synthetic_market import true_candles, true_extras

NOW_MS = utc_ms("2026-03-11")
WINDOW = Window(utc_ms("2026-03-10"), utc_ms("2026-03-10") + 6 * 3_600_000)
BITCOIN = {
    "id": find_market("kraken", "BTC/USD").id, "symbol": "BTC/USD", "base": "BTC", "quote": "USD", "baseId": "XXBT",
    "quoteId": "ZUSD",
}  # fmt: skip
# Few values, so that trades agree in some of what they carry, or in all of it.
TRADES = st.builds(
    Trade, st.sampled_from([0, 0, 1]), st.integers(0, 5).map(float), st.sampled_from([Decimal(1), Decimal(2)]),
    st.just(Decimal(1)),
)  # fmt: skip


@given(st.lists(TRADES, max_size=30), st.integers(1, 8))
def test_overlapping_pages_lose_and_duplicate_no_trade(trades, size):
    trades = sorted(trades, key=lambda trade: trade.time_ms)
    found: Counter[Trade] = Counter()
    first, page = 0, []
    while first < len(trades):
        page = trades[first : first + size]
        # As kraken does: the next page begins with all trades of the last one's time; here none is longer than a page.
        while page[-1].time_ms == page[0].time_ms and first + len(page) < len(trades):
            page = trades[first : first + len(page) + 1]
        found = _joined(found, page)
        following = next(n for n, trade in enumerate(trades) if trade.time_ms == page[-1].time_ms)
        first = len(trades) if first + len(page) >= len(trades) else following
    assert found == Counter(trades)
    assert [trade.time_ms for trade in _in_order(found)] == [trade.time_ms for trade in trades]


def test_trades_of_one_time_stay_in_the_order_of_the_answer():
    rows = [[price, "1", 1.5, "b", "m", "", 0] for price in ("3", "1", "2")]
    answer = parse_trades([*rows, ["9", "1", 1.4, "s", "l", "", 0]], "1500000000", None)
    assert [trade.price for trade in answer.trades] == [9, 3, 1, 2]
    assert [trade.taker_bought for trade in answer.trades] == [False, True, True, True]


@pytest.mark.parametrize(
    "row", [["nan", "1", 1.0, "b", "m", "", 0], ["1", "-1", 1.0, "b", "m", "", 0], ["1", "1", 1e999, "b", "m", "", 0]]
)
def test_an_impossible_trade_is_refused(row):
    with pytest.raises(ValueError, match="price"):
        parse_trade(row)


@pytest.fixture
def kraken(simulator):
    yield ExchangeClient(ExchangeConnection("kraken", simulator.exchange_url("kraken")), sleep=lambda _: None)
    simulator.clear_faults()


def pages_of(kraken, window=WINDOW):
    return list(candle_pages(kraken, BITCOIN, [window], Timeframe(1), NOW_MS))


def rows_of(pages, window=WINDOW):
    return [row for page in pages for row in page.checked.candles.between(window.start_ms, window.end_ms).rows()]


def traded(window=WINDOW):
    return [row for row in true_candles("kraken", "BTC/USD", window.start_ms, window.end_ms) if row[5] > 0]


def test_trade_ids_of_zero_lose_no_candle(simulator, kraken):
    simulator.set_fault("kraken", "zero_ids")
    assert rows_of(pages_of(kraken)) == traded()


def test_candles_from_trades_have_all_extra_columns(kraken):
    truth = true_extras("kraken", "BTC/USD", WINDOW.start_ms, WINDOW.end_ms)
    found = [page.checked.candles for page in pages_of(kraken)]
    rows = [(time, *extras) for part in found for time, extras in zip(part.open_time_ms, part.extras, strict=True)]
    compared = [(row, truth[row[0]]) for row in rows if row[0] in truth]
    assert len(compared) == len(traded()) > 200
    for (_, quote_volume, trade_count, taker_volume), true in compared:
        assert trade_count == true.trade_count
        assert quote_volume == pytest.approx(true.quote_volume, rel=1e-6)
        assert taker_volume >= 0


def test_trades_are_counted_by_day_from_the_day_of_the_moment_on(kraken):
    day_ms = utc_ms("2026-03-09")
    found = kraken.fetch_trade_counts(BITCOIN, day_ms + 12 * 3_600_000)
    truth = true_extras("kraken", "BTC/USD", day_ms, day_ms + DAY_MS)
    assert min(found) == day_ms
    assert found[day_ms] == sum(minute.trade_count for minute in truth.values())


def test_an_answer_that_repeats_itself_is_an_error_and_never_the_end(simulator, kraken):
    simulator.set_fault("kraken", "false_fact", fact="cursor")
    pages = pages_of(kraken)
    assert pages[-1].failed_reason
    assert not pages[-1].unobtainable
    assert rows_of(pages) == []


def test_an_empty_answer_is_requested_once_more_before_it_is_the_end(simulator, kraken):
    simulator.set_fault("kraken", "empty", count=1, path="Trades")
    assert rows_of(pages_of(kraken)) == traded()


def test_pages_before_a_failure_are_yielded_and_the_rest_is_one_failed_page(simulator, kraken):
    whole = pages_of(kraken)
    simulator.set_fault("kraken", "status", status=503, path="Trades", from_ms=0, count=5, chance=1.0)
    [failed] = pages_of(kraken)
    assert failed.window == WINDOW
    assert "503" in failed.failed_reason
    assert rows_of(whole) == traded()
