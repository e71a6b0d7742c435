"""Events change what is true, or what an exchange shows until a given time on its clock."""

import numpy as np
import pytest

from dev.exchange_simulator.candle_book import CandleBook
from dev.exchange_simulator.candle_columns import CLOSE, COUNT, DAY_MS, HIGH, LOW, MINUTE_MS, OPEN_TIME, VOLUME
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.market_events import MarketEvent, MarketEventError, in_the_end, parse_event
from dev.exchange_simulator.markets import find_market

START_MS = utc_ms("2024-03-05") + 6 * 3_600_000
END_MS = START_MS + 30 * MINUTE_MS
LATER_MS = utc_ms("2031-01-01")
HOUR_MS = 3_600_000


def rows(exchange: str, symbol: str, *events: MarketEvent, now_ms: int = LATER_MS) -> Ints:
    """Return the candles of half an hour before the events and of the half hour of the events."""
    book, market = CandleBook(events=events), find_market(exchange, symbol)
    return book.between(market, "1m", START_MS - 30 * MINUTE_MS, END_MS, now_ms)


def event(kind: str, **details: object) -> MarketEvent:
    return MarketEvent(kind=kind, start_ms=START_MS, end_ms=END_MS, **details)


def test_a_depeg_moves_both_sides_of_the_currency_and_no_other_market() -> None:
    depeg = event("depeg", currency="USDC", price_factor=0.9)
    for exchange, symbol, factor in (
        ("binance", "USDC/USDT", 0.9),
        ("binance", "BTC/USDC", 1 / 0.9),
        ("kraken", "USDC/USD", 0.9),
        ("kraken", "BTC/USD", 1.0),
    ):
        plain, changed = rows(exchange, symbol), rows(exchange, symbol, depeg)
        assert changed[:30].tolist() == plain[:30].tolist()
        traded = np.flatnonzero(plain[:, COUNT] * (plain[:, OPEN_TIME] >= START_MS))
        assert changed[traded, CLOSE] == pytest.approx(plain[traded, CLOSE] * factor, abs=1)


def test_a_flash_crash_lowers_the_low_of_one_exchange_with_huge_volume() -> None:
    crash = event("flash_crash", exchange="binanceus", market="BTC/USD", price_factor=0.125, volume_factor=200)
    plain, changed = rows("binanceus", "BTC/USD"), rows("binanceus", "BTC/USD", crash)
    assert (changed[30:, LOW] < 0.13 * plain[30:, LOW]).all()
    traded = plain[:, COUNT] > 0
    assert changed[traded, CLOSE].tolist() == plain[traded, CLOSE].tolist()
    assert (changed[30:, VOLUME] >= 150 * plain[30:, VOLUME]).all()
    assert rows("kraken", "BTC/USD", crash).tolist() == rows("kraken", "BTC/USD").tolist()


def test_a_foreign_coin_and_another_unit_are_scaled_candles() -> None:
    unit = event("scaled", exchange="okx", market="SHIB/USDT", price_factor=1000, volume_factor=0.001)
    plain, changed = rows("okx", "SHIB/USDT"), rows("okx", "SHIB/USDT", unit)
    assert changed[30:, HIGH] == pytest.approx(plain[30:, HIGH] * 1000)
    assert changed[30:, VOLUME] == pytest.approx(plain[30:, VOLUME] / 1000, abs=20)


def test_quiet_minutes_are_flat_or_missing_as_the_exchange_shows_them() -> None:
    flat = rows("binance", "BTC/USDT", event("quiet", exchange="binance"))
    assert len(flat) == 60
    assert not flat[30:, COUNT].any()
    assert set(flat[30:, CLOSE].tolist()) == {int(flat[29, CLOSE])}
    missing = rows("kucoin", "BTC/USDT", event("quiet", exchange="kucoin"))
    assert missing[-1, OPEN_TIME] < START_MS


def test_candles_off_the_grid_are_selected_by_their_own_time() -> None:
    shifted = rows("binance", "BTC/USDT", event("off_grid", exchange="binance", shift_ms=14_789))
    assert (shifted[30:, OPEN_TIME] % MINUTE_MS == 14_789).all()
    market = find_market("binance", "BTC/USDT")
    book = CandleBook(events=[event("off_grid", shift_ms=14_789)])
    assert len(book.between(market, "1m", START_MS, START_MS + 1, LATER_MS)) == 0
    assert len(book.between(market, "1m", START_MS, START_MS + 14_790, LATER_MS)) == 1


def test_a_late_exchange_shows_each_minute_after_its_delay() -> None:
    late = event("hidden", exchange="kraken", delay_seconds=600)
    seen = rows("kraken", "BTC/USD", late, now_ms=START_MS + 15 * MINUTE_MS)
    assert int(seen[-1, OPEN_TIME]) == START_MS + 4 * MINUTE_MS
    assert rows("kraken", "BTC/USD", late).tolist() == rows("kraken", "BTC/USD").tolist()


def test_a_silent_exchange_shows_what_it_had_afterwards_and_an_outage_never() -> None:
    silence = event("hidden", exchange="kraken", until_ms=END_MS + HOUR_MS)
    assert rows("kraken", "BTC/USD", silence, now_ms=END_MS + HOUR_MS - 1)[-1, OPEN_TIME] < START_MS
    assert len(rows("kraken", "BTC/USD", silence, now_ms=END_MS + HOUR_MS)) == 60
    assert rows("kraken", "BTC/USD", event("hidden", exchange="kraken"))[-1, OPEN_TIME] < START_MS


def test_hidden_minutes_have_no_trades_either() -> None:
    book = CandleBook(events=[event("hidden", exchange="kraken")])
    trades = book.trades_after(find_market("kraken", "BTC/USD"), START_MS * 10**6, LATER_MS)
    assert next(trades).time_ns >= END_MS * 10**6


def test_a_first_value_is_corrected_after_its_delay() -> None:
    revised = event("revised", exchange="binance", delay_seconds=1800)
    plain = rows("binance", "BTC/USDT")
    early = rows("binance", "BTC/USDT", revised, now_ms=END_MS)
    assert early[:30].tolist() == plain[:30].tolist()
    assert (early[30:, VOLUME] < plain[30:, VOLUME]).all()
    assert early[30:, CLOSE].tolist() == plain[30:, LOW].tolist()
    assert rows("binance", "BTC/USDT", revised, now_ms=END_MS + HOUR_MS).tolist() == plain.tolist()


def test_larger_candles_are_built_from_what_is_shown() -> None:
    market = find_market("binance", "BTC/USDT")
    hidden = event("hidden", exchange="binance", until_ms=LATER_MS)
    hour = START_MS // HOUR_MS * HOUR_MS
    [full] = CandleBook().between(market, "1h", hour, hour + HOUR_MS, LATER_MS - 1)
    [part] = CandleBook(events=[hidden]).between(market, "1h", hour, hour + HOUR_MS, LATER_MS - 1)
    assert part[VOLUME] < full[VOLUME]


def test_in_the_end_only_permanent_events_apply() -> None:
    passing = [event("hidden", delay_seconds=1), event("revised", until_ms=START_MS), event("unconfirmed", until_ms=1)]
    lasting = [event("quiet"), event("hidden"), event("wrong_row", row="null")]
    assert in_the_end([*passing, *lasting]) == tuple(lasting)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "JSON object"),
        ({"kind": "earthquake", "start_ms": 0, "end_ms": 1}, "one of depeg"),
        ({"kind": "quiet", "end_ms": 1}, "needs start_ms and end_ms"),
        ({"kind": "quiet", "start_ms": 0, "end_ms": 1, "exchange": "nyse"}, "nyse"),
        ({"kind": "depeg", "start_ms": 0, "end_ms": 1}, "currency"),
        ({"kind": "wrong_row", "row": "odd", "start_ms": 0, "end_ms": 1}, "row: one of null"),
        ({"kind": "quiet", "start_ms": "0", "end_ms": 1}, "start_ms: '0' is not a value of type int"),
        ({"kind": "quiet", "start_ms": 0, "end_ms": 1, "colour": "red"}, "unknown colour"),
    ],
)
def test_an_invalid_event_is_named(given: object, words: str) -> None:
    with pytest.raises(MarketEventError, match=words):
        parse_event(given)


def test_a_change_of_events_leaves_the_candles_of_other_exchanges_cached() -> None:
    book, okx = CandleBook(), find_market("okx", "BTC/USDT")
    before = book._minutes(okx, START_MS // DAY_MS)
    book.set_events([event("off_grid", exchange="kraken", shift_ms=14_789)])
    assert book._minutes(okx, START_MS // DAY_MS) is before
