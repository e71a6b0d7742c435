from itertools import pairwise

import numpy as np
import pytest

from dev.exchange_simulator.activity import outage
from dev.exchange_simulator.candle_book import CandleBook
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.markets import DOLLAR_EXCHANGES, EXCHANGES, find_market, list_markets
from dev.exchange_simulator.synthetic_market import true_candles

MINUTE_MS, DAY_MS = 60_000, 86_400_000
START_MS = utc_ms("2024-03-01")
MARKETS = [
    ("binance", "BTC/USDT"),
    ("binance", "ZRX/USDT"),
    ("coinbaseexchange", "BTC/USD"),
    ("coinbaseexchange", "MLN/USD"),
    ("kraken", "BTC/USD"),
    ("kraken", "PEPE/USD"),
    ("kucoin", "SHIB/USDT"),
    ("htx", "ETH/BTC"),
    ("htx", "SIM007/USDT"),
    ("binanceus", "BTC/USD"),
    ("coinbase", "ETH/USD"),
    ("okx", "SOL/USDT"),
    ("bybit", "BTC/EUR"),
    ("bitstamp", "LTC/USD"),
    ("gate", "ENJ/USDT"),
]


def outage_day(exchange: str) -> int:
    """Return the first day of 2024 with an outage of the exchange."""
    return next(day for day in range(START_MS // DAY_MS, START_MS // DAY_MS + 400) if outage(exchange, day).any())


@pytest.mark.parametrize(("exchange", "symbol"), MARKETS)
def test_candles_are_plausible(exchange: str, symbol: str) -> None:
    rows = true_candles(exchange, symbol, START_MS, START_MS + 2 * DAY_MS)
    times, opens, highs, lows, closes, volumes = (np.array(column) for column in zip(*rows, strict=True))
    assert np.all(times % MINUTE_MS == 0)
    assert np.all(np.diff(times) >= MINUTE_MS)
    assert times[0] >= START_MS
    assert times[-1] < START_MS + 2 * DAY_MS
    assert np.all(lows > 0)
    assert np.all(lows <= np.minimum(opens, closes))
    assert np.all(highs >= np.maximum(opens, closes))
    assert np.all(volumes >= 0)
    assert np.all(np.abs(opens[1:] / closes[:-1] - 1) < 0.05)


@pytest.mark.parametrize(("exchange", "symbol"), MARKETS)
def test_candles_do_not_depend_on_the_requested_range(exchange: str, symbol: str) -> None:
    whole = true_candles(exchange, symbol, START_MS, START_MS + DAY_MS + 777 * MINUTE_MS)
    cut_ms = START_MS + 901 * MINUTE_MS
    market, book = find_market(exchange, symbol), CandleBook()
    rest = book.between(market, "1m", cut_ms, START_MS + DAY_MS + 777 * MINUTE_MS, utc_ms("2031-01-01"))
    assert [row[0] for row in whole if row[0] >= cut_ms] == rest[:, 0].tolist()
    assert whole[: len(whole) - len(rest)] == true_candles(exchange, symbol, START_MS, cut_ms)


def test_values_never_change() -> None:
    """Stored results and benchmarks of earlier runs rely on these numbers."""
    assert true_candles("binance", "BTC/USDT", START_MS, START_MS + MINUTE_MS) == [
        (1709251200000, 62298.97, 62356.82, 62277.06, 62324.74, 11.51721773)
    ]


@pytest.mark.parametrize(("exchange", "symbol"), MARKETS)
def test_decimals_survive_text(exchange: str, symbol: str) -> None:
    market = find_market(exchange, symbol)
    for row in true_candles(exchange, symbol, START_MS, START_MS + 300 * MINUTE_MS):
        assert all(float(f"{price:.{market.price_decimals}f}") == price for price in row[1:5])
        assert float(f"{row[5]:.{market.volume_decimals}f}") == row[5]


@pytest.mark.parametrize("timeframe", ["5m", "1h", "1d"])
@pytest.mark.parametrize(("exchange", "symbol"), MARKETS)
def test_larger_timeframes_add_up(exchange: str, symbol: str, timeframe: str) -> None:
    length = {"5m": 5, "1h": 60, "1d": 1440}[timeframe] * MINUTE_MS
    start = START_MS + (16 * 3_600_000 if exchange == "htx" and timeframe == "1d" else 0)
    large = true_candles(exchange, symbol, start, start + length, timeframe)
    small = true_candles(exchange, symbol, start, start + length)
    assert [row[0] for row in large] == [start]
    assert large[0][1:5] == (
        small[0][1],
        max(row[2] for row in small),
        min(row[3] for row in small),
        small[-1][4],
    )
    assert large[0][5] == pytest.approx(sum(row[5] for row in small), rel=1e-12)


@pytest.mark.parametrize(
    ("exchange", "timeframe", "opened"),
    [
        ("binance", "1w", "2024-03-04"),  # a Monday
        ("kraken", "1w", "2024-03-07"),  # a Thursday
        ("binance", "1M", "2024-04-01"),
        ("kucoin", "1d", "2024-03-02"),
        ("okx", "1w", "2024-03-04"),
        ("bybit", "1w", "2024-03-04"),
        ("gate", "7d", "2024-03-07"),
        ("okx", "3M", "2024-04-01"),
    ],
)
def test_candles_open_where_the_exchange_opens_them(exchange: str, timeframe: str, opened: str) -> None:
    symbol = "BTC/USD" if exchange in DOLLAR_EXCHANGES else "BTC/USDT"
    rows = true_candles(exchange, symbol, START_MS + MINUTE_MS, START_MS + 32 * DAY_MS, timeframe)
    assert rows[0][0] == utc_ms(opened)


@pytest.mark.parametrize(
    ("exchange", "symbol"),
    [
        ("kraken", "MLN/USD"),
        ("htx", "OMG/USDT"),
        ("binance", "REQ/USDT"),
        ("binanceus", "REQ/USD"),
        ("okx", "REQ/USDT"),
        ("bybit", "REQ/USDT"),
        ("bitstamp", "REQ/USD"),
        ("gate", "REQ/USDT"),
    ],
)
def test_quiet_minutes_are_flat(exchange: str, symbol: str) -> None:
    rows = true_candles(exchange, symbol, START_MS, START_MS + DAY_MS)
    quiet = [(before, row) for before, row in pairwise(rows) if row[5] == 0]
    assert len(quiet) > 50
    assert all(row[1:5] == (before[4],) * 4 for before, row in quiet)
    if exchange not in ("binance", "binanceus"):
        assert len(rows) == 1440


@pytest.mark.parametrize(
    ("exchange", "symbol"), [("coinbaseexchange", "MLN/USD"), ("kucoin", "REQ/USDT"), ("coinbase", "REQ/USD")]
)
def test_quiet_minutes_are_missing(exchange: str, symbol: str) -> None:
    rows = true_candles(exchange, symbol, START_MS, START_MS + DAY_MS)
    assert 100 < len(rows) < 1300
    assert all(row[5] > 0 for row in rows)


def test_small_coins_can_be_quiet_for_longer_than_a_page() -> None:
    rows = true_candles("coinbaseexchange", "MLN/USD", START_MS, START_MS + 30 * DAY_MS)
    assert max(np.diff([row[0] for row in rows])) > 300 * MINUTE_MS


def test_bitcoin_is_rarely_quiet() -> None:
    rows = true_candles("coinbaseexchange", "BTC/USD", START_MS, START_MS + 30 * DAY_MS)
    assert len(rows) > 0.98 * 30 * 1440


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_outages(exchange: str) -> None:
    day = outage_day(exchange)
    mask = outage(exchange, day)
    symbol = "BTC/USD" if exchange in DOLLAR_EXCHANGES else "BTC/USDT"
    rows = {row[0]: row for row in true_candles(exchange, symbol, day * DAY_MS, (day + 1) * DAY_MS)}
    in_outage = [rows.get(day * DAY_MS + int(minute) * MINUTE_MS) for minute in np.flatnonzero(mask)]
    assert 3 <= len(in_outage) <= 240
    if exchange in ("kraken", "htx", "okx", "bybit", "bitstamp", "gate"):
        assert all(row is not None and row[5] == 0 for row in in_outage)
    else:
        assert in_outage == [None] * len(in_outage)


def test_exchanges_differ_by_a_few_basis_points() -> None:
    closes = {}
    for exchange, symbol in (("binance", "BTC/USDT"), ("kraken", "BTC/USD"), ("kucoin", "BTC/USDC")):
        rows = true_candles(exchange, symbol, START_MS, START_MS + 7 * DAY_MS)
        closes[exchange] = {row[0]: row[4] for row in rows}
    common = sorted(set.intersection(*(set(rows) for rows in closes.values())))
    series = [np.array([rows[time] for time in common]) for rows in closes.values()]
    for other in series[1:]:
        assert 0.2 < np.median(np.abs(other / series[0] - 1)) * 1e4 < 15


def test_nothing_before_listing_or_after_halt() -> None:
    listed = utc_ms("2023-05-18")
    first = true_candles("coinbaseexchange", "SUI/USD", listed - 3 * DAY_MS, listed + DAY_MS)
    assert first[0][0] == listed
    assert true_candles("binance", "SUI/USDT", listed - 3 * DAY_MS, listed)
    halted = utc_ms("2024-02-20")
    assert true_candles("binance", "XMR/USDT", halted - DAY_MS, halted)
    assert true_candles("binance", "XMR/USDT", halted, halted + DAY_MS) == []


def test_listings_differ() -> None:
    quotes = {name: {market.quote for market in list_markets(name)} for name in EXCHANGES}
    for name in set(EXCHANGES) - DOLLAR_EXCHANGES:
        assert "USD" not in quotes[name]
        assert {"USDT", "USDC", "BTC", "ETH"} <= quotes[name]
    for name in DOLLAR_EXCHANGES - {"binanceus"}:
        assert {"USD", "EUR", "USDT", "BTC"} <= quotes[name]
    assert "EUR" in quotes["binance"]
    listed = {name: {market.base for market in list_markets(name)} for name in EXCHANGES}
    assert [name for name in EXCHANGES if "KCS" in listed[name]] == ["kucoin"]
    assert all(len({market.id for market in list_markets(name)}) == len(list_markets(name)) for name in EXCHANGES)
    with pytest.raises(KeyError, match="binance lists no market BTC/USD"):
        find_market("binance", "BTC/USD")


def test_extra_coins_are_listed_everywhere() -> None:
    for name in EXCHANGES:
        extra = list_markets(name, 3)[-3:]
        assert [market.base for market in extra] == ["SIM001", "SIM002", "SIM003"]
        assert find_market(name, extra[0].symbol) == extra[0]
