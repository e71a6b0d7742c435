"""Symbols, and how to parse those in Redis."""

import re
import unicodedata
from dataclasses import dataclass

from candle_ingest.errors.symbols import NotASymbolError

# Quotes that are recognised without a separator, as in `btcusd`. The longest one that fits wins.
# BUSD and TUSD are left out on purpose: `arbusd` and `dotusd` mean ARB/USD and DOT/USD.
JOINED_QUOTES = (
    "FDUSD", "USDT", "USDC", "USD", "EUR", "GBP", "JPY", "AUD", "CAD", "CHF", "BRL", "TRY", "KRW",
    "BTC", "XBT", "ETH", "BNB",
)  # fmt: skip
# Kraken's old names, which users write too.
CURRENCY_ALIASES = {"XBT": "BTC", "XDG": "DOGE"}
# Single coins whose names end in a quote: `wbtc` is not W/BTC.
COINS_LIKE_PAIRS = frozenset(
    {
        *("WBTC", "CBBTC", "TBTC", "RENBTC", "HBTC", "STETH", "WSTETH", "WETH", "CBETH", "RETH", "WBETH", "WEETH"),
        *("EZETH", "METH", "BETH", "TUSD", "BUSD", "GUSD", "LUSD", "SUSD", "HUSD", "PYUSD", "FDUSD", "RLUSD", "CUSD"),
        *("XUSD", "ZUSD", "EEUR", "SEUR"),
    }
)
MAX_TICKER_LENGTH = 41
MAX_CURRENCY_LENGTH = 20
_PERPETUAL = re.compile(r".+/.+:.+|.+(\.P|[-_]PERP)")
_SEPARATOR = re.compile(r"[/\-_:]")


@dataclass(frozen=True, slots=True)
class Symbol:
    """One entry of the list in Redis.

    `ticker` is the text as written there (used in state keys); `base` and `quote` are upper case.
    """

    ticker: str
    base: str
    quote: str

    @property
    def currency_pair(self) -> str:
        """Return the name used for candles: `BTC/USD`."""
        return f"{self.base}/{self.quote}"


def parse_symbol(ticker: str) -> Symbol:
    """Parse `btcusd`, `BTC/USD`, `BTC-USD`, `BTC_USD` or `btc:usd`.

    Names in scripts without capitals, some of which binance lists, need a separator. Raises NotASymbolError when the
    text is not a pair of two currencies.

    >>> parse_symbol("ethbtc").currency_pair
    'ETH/BTC'
    """
    text = ticker.strip()
    # Before upper(): "ß" would become "SS".
    if len(text) > MAX_TICKER_LENGTH or not all(map(_is_plain, text)):
        raise NotASymbolError(_not_understood(ticker))
    if _PERPETUAL.fullmatch(text.upper()):
        raise NotASymbolError(f"{text!a} is a perpetual or a future, and only spot markets are fetched: write BTC/USD")
    base, quote = (CURRENCY_ALIASES.get(code, code) for code in _split(text.upper(), ticker))
    if not (_is_currency(base) and _is_currency(quote)) or base == quote:
        raise NotASymbolError(_not_understood(ticker))
    return Symbol(ticker=text, base=base, quote=quote)


def _is_plain(char: str) -> bool:
    """Tell whether a character is ASCII, or a letter without capitals that can be written in one way only.

    Greek and Cyrillic have letters that look like Latin ones, and full-width letters are other forms of those.
    """
    return char.isascii() or (unicodedata.category(char) == "Lo" and unicodedata.normalize("NFKC", char) == char)


def _is_currency(code: str) -> bool:
    """Tell whether a text has only capitals, digits, and letters of scripts without capitals."""
    return 0 < len(code) <= MAX_CURRENCY_LENGTH and code.isalnum()


def _split(text: str, ticker: str) -> tuple[str, str]:
    parts = _SEPARATOR.split(text)
    if len(parts) == 2:
        if ":" in text and (pair := _joined(parts[1])):
            raise NotASymbolError(f"{ticker.strip()!a} names an exchange: write {'/'.join(pair)}")
        return parts[0], parts[1]
    pair = _joined(text) if len(parts) == 1 else None
    if pair is None:
        raise NotASymbolError(_not_understood(ticker))
    return pair


def _joined(text: str) -> tuple[str, str] | None:
    """Return the base and quote of a text without a separator; None if it is not a pair."""
    if not text.isascii() or text in COINS_LIKE_PAIRS:
        return None
    for quote in sorted(JOINED_QUOTES, key=len, reverse=True):
        if text.endswith(quote) and len(text) > len(quote):
            return text.removesuffix(quote), quote
    return None


def _not_understood(ticker: str) -> str:
    shown = ascii(ticker if len(ticker) <= MAX_TICKER_LENGTH else ticker[:MAX_TICKER_LENGTH] + "…")
    return f"{shown} is not a symbol: write BTC/USD, BTC-USD or btcusd (quotes without a separator: " + (
        ", ".join(JOINED_QUOTES) + ")"
    )
