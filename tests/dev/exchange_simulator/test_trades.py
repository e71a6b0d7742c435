from itertools import islice

import pytest

from dev.exchange_simulator.candle_book import CandleBook
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.markets import find_market
from dev.exchange_simulator.minute_candles import COUNT, OPEN_TIME
from dev.exchange_simulator.trades import candle_of, minute_trades

START_MS = utc_ms("2024-03-01")
LATER_MS = utc_ms("2031-01-01")


@pytest.mark.parametrize("symbol", ["BTC/USD", "ADA/EUR", "PEPE/USD", "MLN/USD"])
def test_trades_build_exactly_the_candles(symbol: str) -> None:
    market = find_market("kraken", symbol)
    rows = CandleBook().between(market, "1m", START_MS, START_MS + 600 * 60_000, LATER_MS)
    for row in rows:
        trades = minute_trades(market, row)
        if row[COUNT] == 0:
            assert trades == []
            continue
        assert candle_of(int(row[OPEN_TIME]), trades).tolist() == row.tolist()
        times = [trade.time_ns for trade in trades]
        assert times == sorted(set(times))
        assert row[OPEN_TIME] * 10**6 < times[0]
        assert times[-1] < (row[OPEN_TIME] + 60_000) * 10**6
        assert all(trade.volume > 0 for trade in trades)


def test_pages_of_trades_join_without_gap_or_repetition() -> None:
    market, book = find_market("kraken", "BTC/USD"), CandleBook()
    since = START_MS * 10**6
    whole = list(islice(book.trades_after(market, since, LATER_MS), 2500))
    pages, cursor = [], since
    for _ in range(5):
        page = list(islice(book.trades_after(market, cursor, LATER_MS), 500))
        pages += page
        cursor = page[-1].time_ns
    assert pages == whole
    assert len({trade.id for trade in whole}) == 2500


def test_the_candle_in_progress_is_what_has_been_traded_so_far() -> None:
    market, book = find_market("kraken", "BTC/USD"), CandleBook()
    full = book.between(market, "1m", START_MS, START_MS + 60_000, LATER_MS)[0]
    trades = minute_trades(market, full)
    now_ms = trades[(len(trades) - 1) // 2].time_ns // 10**6 + 1
    partial = book.between(market, "1m", START_MS, START_MS + 60_000, now_ms)[0]
    done = [trade for trade in trades if trade.time_ns <= now_ms * 10**6]
    assert 0 < len(done) < len(trades)
    assert partial.tolist() == candle_of(START_MS, done).tolist()


def test_the_latest_trades_end_now() -> None:
    market, book = find_market("kraken", "MLN/USD"), CandleBook()
    now_ms = START_MS + 500 * 60_000
    latest = book.latest_trades(market, 100, now_ms)
    assert len(latest) == 100
    assert list(book.trades_after(market, latest[0].time_ns - 1, now_ms)) == latest
