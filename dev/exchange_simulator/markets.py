"""Which exchange lists which market, with which id, since when."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import floor, log10

from dev.exchange_simulator.coins import COINS, STABLECOINS, Coin, coin_named, extra_coin, utc_ms

EXCHANGES = (
    "binance",
    "coinbaseexchange",
    "kraken",
    "kucoin",
    "htx",
    "binanceus",
    "coinbase",
    "okx",
    "bybit",
    "bitstamp",
    "gate",
)
# The main quote of these is the dollar, that of the others USDT.
DOLLAR_EXCHANGES = frozenset({"coinbaseexchange", "kraken", "binanceus", "coinbase", "bitstamp"})
# Kraken's own names (Get Asset Info): X before old coins, Z before money, XBT for bitcoin, XDG for dogecoin.
KRAKEN_ASSETS = {code: f"X{code}" for code in ("ETH", "XRP", "LTC", "XLM", "XMR", "ZEC", "ETC", "MLN")} | {
    "BTC": "XXBT",
    "DOGE": "XXDG",
    "USD": "ZUSD",
    "EUR": "ZEUR",
}
KRAKEN_ALTNAMES = {"BTC": "XBT", "DOGE": "XDG"}

_OPENED = {
    "binance": "2017-08-17",
    "coinbaseexchange": "2015-07-20",
    "kraken": "2013-10-06",
    "kucoin": "2017-10-25",
    "htx": "2017-11-10",
    "binanceus": "2019-09-24",
    "coinbase": "2015-07-20",
    "okx": "2018-01-11",
    "bybit": "2021-07-05",
    "bitstamp": "2013-01-01",
    "gate": "2017-11-01",
}
_MAIN = (
    "BTC",
    "ETH",
    "SOL",
    "XRP",
    "ADA",
    "DOGE",
    "LTC",
    "DOT",
    "LINK",
    "AVAX",
    "BCH",
    "UNI",
    "ATOM",
    "NEAR",
)
_AGAINST_BTC = ("ETH", "SOL", "XRP", "ADA", "LTC", "DOT", "LINK", "BCH", "ATOM", "XLM", "ETC", "UNI", "XMR")
_AGAINST_ETH = ("SOL", "LINK", "UNI", "AAVE")
# The stablecoin markets of each exchange. Coinbase treats USDC as dollars, so it lists no USDC/USD.
_STABLECOIN_MARKETS: dict[str, tuple[tuple[str, str], ...]] = {
    "kraken": (("USDT", "USD"), ("USDT", "EUR"), ("USDC", "USD"), ("USDC", "USDT")),
    "bitstamp": (("USDT", "USD"), ("USDC", "USD"), ("USDC", "USDT")),
    "coinbaseexchange": (("USDT", "USD"), ("USDT", "USDC")),
    "coinbase": (("USDT", "USD"), ("USDT", "USDC")),
    "binanceus": (("USDT", "USD"), ("USDC", "USD")),
    **dict.fromkeys(("binance", "kucoin", "htx", "okx", "bybit", "gate"), (("USDC", "USDT"),)),
}
_NOT_LISTED = {
    "binance": {"KCS", "HT", "MLN"},
    "coinbaseexchange": {"KCS", "HT", "BNB", "TRX", "XMR", "KSM", "RUNE"},
    "kraken": {"KCS", "HT", "HBAR"},
    "kucoin": {"HT", "MLN"},
    "htx": {"KCS", "MLN", "TIA"},
    "binanceus": {"KCS", "HT", "MLN", "XMR", "KSM"},
    "coinbase": {"KCS", "HT", "BNB", "TRX", "XMR", "KSM", "RUNE"},
    "okx": {"KCS", "HT", "MLN"},
    "bybit": {"KCS", "HT", "MLN", "XMR"},
    "bitstamp": {"KCS", "HT", "BNB", "XMR", "KSM"},
    "gate": {"KCS", "HT"},
}
# Coins that only these exchanges list.
_LISTED_BY = {"币安人生": {"binance", "gate"}}
# Listed here later than the coin's first day elsewhere.
_LATER = {
    ("coinbaseexchange", "SUI"): "2023-05-18",
    ("kraken", "APT"): "2022-11-08",
    ("htx", "PEPE"): "2023-05-09",
    ("coinbaseexchange", "PEPE"): "2024-11-13",
    ("coinbase", "SUI"): "2023-05-18",
    ("coinbase", "PEPE"): "2024-11-13",
    ("kucoin", "ICP"): "2021-05-11",
}
# Trading stopped on that day; the market remains in the list as not trading.
_HALTED = {
    ("binance", "XMR"): "2024-02-20",
    ("coinbaseexchange", "OMG"): "2024-06-06",
    ("kraken", "OMG"): "2024-06-20",
    ("kucoin", "REQ"): "2024-09-02",
    ("htx", "OMG"): "2024-07-10",
    ("coinbase", "OMG"): "2024-06-06",
    ("okx", "XMR"): "2024-01-05",
}
# A small exchange or a rare quote has only a part of the turnover.
_EXCHANGE_SHARE = {
    "binance": 1.0,
    "coinbaseexchange": 0.35,
    "kraken": 0.15,
    "kucoin": 0.2,
    "htx": 0.2,
    "binanceus": 0.02,
    "coinbase": 0.35,
    "okx": 0.4,
    "bybit": 0.5,
    "bitstamp": 0.08,
    "gate": 0.25,
}
_QUOTE_SHARE = {"USD": 1.0, "USDT": 1.0, "USDC": 0.25, "EUR": 0.2, "BTC": 0.06, "ETH": 0.02}
_QUOTE_PRICE_USD = {"USD": 1.0, "USDT": 1.0, "USDC": 1.0, "EUR": 1.08}


@dataclass(frozen=True, slots=True)
class Market:
    """One spot market of one exchange.

    Prices are whole multiples of 10^-price_decimals and volumes of 10^-volume_decimals base units.
    """

    exchange: str
    base: str
    quote: str
    price_decimals: int
    volume_decimals: int
    turnover_usd: float
    listed_ms: int
    halted_ms: int | None = None

    @property
    def symbol(self) -> str:
        """Return the unified name, such as BTC/USDT."""
        return f"{self.base}/{self.quote}"

    @property
    def id(self) -> str:
        """Return the exchange's own name of the market."""
        return _MARKET_ID[self.exchange](self.base, self.quote)


def quote_price_usd(quote: str) -> float:
    """Return the level of a quote currency in US dollars."""
    return COINS[quote].price_usd if quote in COINS else _QUOTE_PRICE_USD.get(quote, 1.0)


def kraken_altname(base: str, quote: str) -> str:
    """Return kraken's short name of a pair, such as XBTUSD."""
    return KRAKEN_ALTNAMES.get(base, base) + KRAKEN_ALTNAMES.get(quote, quote)


def _kraken_id(base: str, quote: str) -> str:
    """Return XXBTZUSD if both sides have old names, otherwise the short name (SOLUSD, XBTUSDT; XDGUSD too).

    USDTZUSD is the only name of its kind.
    """
    if (base, quote) == ("USDT", "USD"):
        return "USDTZUSD"
    if base in KRAKEN_ASSETS and quote in KRAKEN_ASSETS and base != "DOGE":
        return KRAKEN_ASSETS[base] + KRAKEN_ASSETS[quote]
    return kraken_altname(base, quote)


_MARKET_ID: dict[str, Callable[[str, str], str]] = {
    "binance": lambda base, quote: base + quote,
    "coinbaseexchange": lambda base, quote: f"{base}-{quote}",
    "kraken": _kraken_id,
    "kucoin": lambda base, quote: f"{base}-{quote}",
    "htx": lambda base, quote: (base + quote).lower(),
    "binanceus": lambda base, quote: base + quote,
    "coinbase": lambda base, quote: f"{base}-{quote}",
    "okx": lambda base, quote: f"{base}-{quote}",
    "bybit": lambda base, quote: base + quote,
    "bitstamp": lambda base, quote: (base + quote).lower(),
    "gate": lambda base, quote: f"{base}_{quote}",
}


def _decimals(price: float, price_usd: float) -> tuple[int, int]:
    """Return the decimals of price and volume: about six digits of price, and volumes below 2^53 units."""
    price_decimals = min(8, max(2, 5 - floor(log10(price))))
    volume_decimals = 8 if price_usd >= 1 else 4 if price_usd >= 0.001 else 2
    return price_decimals, volume_decimals


def _bases_by_quote(exchange: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the quotes of an exchange and the coins traded against each."""
    if exchange == "binanceus":
        yield from (("USD", tuple(COINS)), ("USDT", _MAIN))
    elif exchange in DOLLAR_EXCHANGES:
        yield from (("USD", tuple(COINS)), ("EUR", _MAIN), ("USDT", _MAIN[:8]))
    else:
        yield from (("USDT", tuple(COINS)), ("USDC", _MAIN))
    if exchange in ("binance", "bybit"):
        yield "EUR", _MAIN[:10]
    yield from (("BTC", _AGAINST_BTC), ("ETH", _AGAINST_ETH))


def build_market(exchange: str, coin: Coin, quote: str) -> Market:
    """Return the market of a coin against a quote, even if it is not listed."""
    price_decimals, volume_decimals = _decimals(coin.price_usd / quote_price_usd(quote), coin.price_usd)
    halted = _HALTED.get((exchange, coin.code))
    born = max(_OPENED[exchange], _LATER.get((exchange, coin.code), coin.born))
    return Market(
        exchange=exchange,
        base=coin.code,
        quote=quote,
        price_decimals=price_decimals,
        volume_decimals=volume_decimals,
        turnover_usd=coin.turnover_usd * _EXCHANGE_SHARE[exchange] * _QUOTE_SHARE.get(quote, 0.1),
        listed_ms=utc_ms(born),
        halted_ms=utc_ms(halted) if halted else None,
    )


@lru_cache(maxsize=64)
def list_markets(exchange: str, extra_coins: int = 0) -> tuple[Market, ...]:
    """Return all markets of an exchange, with the generated coins against its main quote."""
    markets = [
        build_market(exchange, COINS[base], quote)
        for quote, bases in _bases_by_quote(exchange)
        for base in bases
        if base not in _NOT_LISTED[exchange] and exchange in _LISTED_BY.get(base, {exchange}) and base != quote
    ]
    main_quote = markets[0].quote
    markets += [build_market(exchange, STABLECOINS[base], quote) for base, quote in _STABLECOIN_MARKETS[exchange]]
    extra = [build_market(exchange, extra_coin(n), main_quote) for n in range(1, extra_coins + 1)]
    return tuple(markets + extra)


@lru_cache(maxsize=4096)
def find_market(exchange: str, symbol: str) -> Market:
    """Return the listed market with that unified symbol, including generated coins. Raises KeyError."""
    for market in list_markets(exchange):
        if market.symbol == symbol:
            return market
    base, _, quote = symbol.partition("/")
    if base.startswith("SIM") and quote == list_markets(exchange)[0].quote:
        return build_market(exchange, coin_named(base), quote)
    raise KeyError(f"{exchange} lists no market {symbol}")
