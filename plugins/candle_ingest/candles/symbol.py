"""A symbol: what the text in Redis means."""

import re
from dataclasses import dataclass

from candle_ingest.errors.symbols import NotASymbolError

# Quotes that are recognised without a separator, as in `btcusd`. The longest one that fits wins.
# BUSD and TUSD are left out on purpose: `arbusd` and `dotusd` mean ARB/USD and DOT/USD.
JOINED_QUOTES = (
    "FDUSD", "USDT", "USDC", "USD", "EUR", "GBP", "JPY", "AUD", "CAD", "CHF", "BRL", "TRY", "KRW",
    "BTC", "ETH", "BNB",
)  # fmt: skip
# Kraken's old name of bitcoin, which people write too.
CURRENCY_ALIASES = {"XBT": "BTC"}
LONGEST_TICKER = 41
_CURRENCY = re.compile(r"[A-Z0-9]{1,20}")
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
        """The name used by candles: `BTC/USD`."""
        return f"{self.base}/{self.quote}"


def parse_symbol(ticker: str) -> Symbol:
    """Understand `btcusd`, `BTC/USD`, `BTC-USD`, `BTC_USD`, `btc:usd`.

    Raises SymbolError when the text is not a pair of two currencies.

    >>> parse_symbol("ethbtc").currency_pair
    'ETH/BTC'
    """
    text = ticker.strip()
    # Before upper(): "ß" would become "SS".
    if not text.isascii() or len(text) > LONGEST_TICKER:
        raise NotASymbolError(_not_understood(ticker))
    base, quote = _split(text.upper(), ticker)
    base, quote = (CURRENCY_ALIASES.get(code, code) for code in (base, quote))
    if not (_CURRENCY.fullmatch(base) and _CURRENCY.fullmatch(quote)) or base == quote:
        raise NotASymbolError(_not_understood(ticker))
    return Symbol(ticker=ticker.strip(), base=base, quote=quote)


def _split(text: str, ticker: str) -> tuple[str, str]:
    parts = _SEPARATOR.split(text)
    if len(parts) == 2:
        return parts[0], parts[1]
    if len(parts) == 1:
        for quote in sorted(JOINED_QUOTES, key=len, reverse=True):
            if text.endswith(quote) and len(text) > len(quote):
                return text.removesuffix(quote), quote
    raise NotASymbolError(_not_understood(ticker))


def _not_understood(ticker: str) -> str:
    shown = ascii(ticker if len(ticker) <= LONGEST_TICKER else ticker[:LONGEST_TICKER] + "…")
    return f"{shown} is not a symbol: write BTC/USD, BTC-USD or btcusd (quotes without a separator: " + (
        ", ".join(JOINED_QUOTES) + ")"
    )
