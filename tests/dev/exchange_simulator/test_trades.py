from itertools import islice, pairwise

import pytest

from dev.exchange_simulator.candle_book import CandleBook
from dev.exchange_simulator.candle_columns import (
    COUNT,
    OPEN_TIME,
    QUOTE_DECIMALS,
    QUOTE_VOLUME,
    TAKER_QUOTE_VOLUME,
    TAKER_VOLUME,
)
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.markets import find_market
from dev.exchange_simulator.trades import Trade, candle_of, trade_columns

START_MS = utc_ms("2024-03-01")
LATER_MS = utc_ms("2031-01-01")


@pytest.mark.parametrize("symbol", ["BTC/USD", "ADA/EUR", "PEPE/USD", "MLN/USD"])
def test_trades_build_exactly_the_candles(symbol: str) -> None:
    market = find_market("kraken", symbol)
    rows = CandleBook().between(market, "1m", START_MS, START_MS + 600 * 60_000, LATER_MS)
    for row in rows:
        trades = trade_columns(market, row[None, :]).as_trades()
        if row[COUNT] == 0:
            assert trades == []
            continue
        assert candle_of(market, int(row[OPEN_TIME]), trade_columns(market, row[None, :])).tolist() == row.tolist()
        times = [trade.time_ns for trade in trades]
        assert times == sorted(times)
        assert row[OPEN_TIME] * 10**6 < times[0]
        assert times[-1] < (row[OPEN_TIME] + 60_000) * 10**6
        assert all(trade.volume > 0 for trade in trades)


def test_pages_of_trades_join_without_gap_or_repetition() -> None:
    market, book = find_market("kraken", "BTC/USD"), CandleBook()
    since = START_MS * 10**6
    whole = list(islice(book.trades_after(market, since, LATER_MS), 2500))
    pages: list[Trade] = []
    cursor = since
    while len(pages) < len(whole):
        page = list(islice(book.trades_after(market, cursor, LATER_MS), 500))
        # `since` is exclusive and a page may end between trades with the same time: request those again.
        cursor = page[-1].time_ns - 1
        pages = [trade for trade in pages if trade.time_ns < page[0].time_ns] + page
    assert pages[: len(whole)] == whole
    assert len({trade.id for trade in whole}) == 2500


def test_the_candle_in_progress_is_what_has_been_traded_so_far() -> None:
    market, book = find_market("kraken", "BTC/USD"), CandleBook()
    rows = book.between(market, "1m", START_MS, START_MS + 60 * 60_000, LATER_MS)
    full = next(row for row in rows if row[COUNT] > 20)
    opened = int(full[OPEN_TIME])
    trades = trade_columns(market, full[None, :]).as_trades()
    now_ms = trades[(len(trades) - 1) // 2].time_ns // 10**6 + 1
    partial = book.between(market, "1m", opened, opened + 60_000, now_ms)[0]
    columns = trade_columns(market, full[None, :])
    done = columns[columns.time_ns <= now_ms * 10**6]
    assert 0 < len(done.id) < len(trades)
    assert partial.tolist() == candle_of(market, opened, done).tolist()


def test_the_latest_trades_end_now() -> None:
    market, book = find_market("kraken", "MLN/USD"), CandleBook()
    now_ms = START_MS + 500 * 60_000
    latest = book.latest_trades(market, 100, now_ms)
    assert len(latest) == 100
    after = list(book.trades_after(market, latest[0].time_ns - 1, now_ms))
    assert after[-100:] == latest
    assert all(trade.time_ns == latest[0].time_ns for trade in after[:-100])


def test_adjacent_trades_often_share_a_time_as_recorded_ones_do() -> None:
    market = find_market("kraken", "BTC/USD")
    trades = list(islice(CandleBook().trades_after(market, START_MS * 10**6, LATER_MS), 5000))
    same = sum(left.time_ns == right.time_ns for left, right in pairwise(trades))
    assert 0.3 < same / len(trades) < 0.45


def test_quote_and_taker_volumes_are_those_of_the_trades() -> None:
    market = find_market("kraken", "ETH/USD")
    for row in CandleBook().between(market, "1m", START_MS, START_MS + 60 * 60_000, LATER_MS):
        trades = trade_columns(market, row[None, :]).as_trades()
        unit = 10.0 ** (QUOTE_DECIMALS - market.price_decimals - market.volume_decimals)
        assert row[QUOTE_VOLUME] == pytest.approx(sum(t.price * t.volume * unit for t in trades), abs=1)
        assert row[TAKER_VOLUME] == sum(t.volume for t in trades if t.side == "b")
        assert 0 <= row[TAKER_QUOTE_VOLUME] <= row[QUOTE_VOLUME]
