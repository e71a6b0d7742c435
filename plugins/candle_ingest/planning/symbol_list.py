"""The list of symbols in Redis."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from candle_ingest.candles.symbol import Symbol, parse_symbol
from candle_ingest.errors import SymbolError
from candle_ingest.errors.symbols import SymbolListError
from candle_ingest.servers.redis_errors import translate_redis_errors

if TYPE_CHECKING:
    # The local stack reads the list too: it would import Airflow for a name.
    from candle_ingest.connections import RedisClient

logger = logging.getLogger(__name__)
# More than all exchanges together list.
MAX_SYMBOLS = 20_000
MAX_SHOWN, MAX_SHOWN_LENGTH = 5, 40
MAX_VALUE_BYTES = 2 * 2**20
EXPECTED = 'expected a JSON list of strings such as ["btcusd", "ethusd"], or a Redis list, set or sorted set of strings'


def read_symbols(client: RedisClient, key: str) -> list[Symbol]:
    """Return the symbols at `key`, each currency pair once. Raises as `read_spellings` does."""
    by_pair: dict[str, Symbol] = {}
    for symbol in read_spellings(client, key):
        by_pair.setdefault(symbol.currency_pair, symbol)
    return list(by_pair.values())


def read_spellings(client: RedisClient, key: str) -> list[Symbol]:
    """Return the symbols at `key`, each ticker once, in the order of Redis (those of a set are sorted).

    A pair may appear in several spellings: they are one symbol, but each has its own watermark keys.

    Entries that cannot be parsed are left out with a warning. Raises SymbolError if the key is missing, empty, of
    another type or not JSON, ConfigurationError if Redis refuses the password, and TemporaryError if Redis is
    unreachable.
    """
    with translate_redis_errors():
        tickers = _read(client, key)
    symbols = _parsed(tickers)
    if not symbols:
        shown = ", ".join(f"{ticker[:MAX_SHOWN_LENGTH]!a}" for ticker in tickers[:MAX_SHOWN])
        more = f" and {len(tickers) - MAX_SHOWN:,} more" if len(tickers) > MAX_SHOWN else ""
        raise SymbolListError(f"Redis key {key!r} holds no valid symbol, only {shown}{more}; {EXPECTED}")
    return symbols


def _read(client: RedisClient, key: str) -> list[str]:
    kind = client.type(key).decode()
    _refuse_too_many(key, _size(client, key, kind))
    match kind:
        case "string":
            if client.strlen(key) > MAX_VALUE_BYTES:
                raise SymbolListError(f"Redis key {key!r} is larger than {MAX_VALUE_BYTES // 2**20} MB; {EXPECTED}")
            return _from_json(key, client.get(key) or b"")
        case "list":
            members = client.lrange(key, 0, -1)
        case "set":
            members = sorted(client.smembers(key))
        case "zset":
            members = client.zrange(key, 0, -1)
        case "none":
            raise SymbolListError(f"Redis key {key!r} does not exist; {EXPECTED}")
        case _:
            raise SymbolListError(f"Redis key {key!r} is a {kind}; {EXPECTED}")
    return [member.decode("utf-8", errors="backslashreplace") for member in members]


def _size(client: RedisClient, key: str, kind: str) -> int:
    """Return the number of entries at the key without reading them; 0 for a string, which has to be read."""
    count = {"list": client.llen, "set": client.scard, "zset": client.zcard}.get(kind)
    return int(count(key)) if count else 0


def _refuse_too_many(key: str, count: int) -> None:
    if count > MAX_SYMBOLS:
        raise SymbolListError(f"Redis key {key!r} holds {count:,} entries; at most {MAX_SYMBOLS:,} can be symbols")


def _from_json(key: str, value: bytes) -> list[str]:
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise SymbolListError(f"Redis key {key!r} is not JSON ({error}); {EXPECTED}") from None
    if not isinstance(parsed, list):
        raise SymbolListError(f"Redis key {key!r} holds a JSON {type(parsed).__name__}; {EXPECTED}")
    if not parsed:
        raise SymbolListError(f"Redis key {key!r} holds an empty list; {EXPECTED}")
    _refuse_too_many(key, len(parsed))
    return [entry if isinstance(entry, str) else json.dumps(entry) for entry in parsed]


def _parsed(tickers: list[str]) -> list[Symbol]:
    by_ticker: dict[str, Symbol] = {}
    for ticker in tickers:
        try:
            symbol = parse_symbol(ticker)
        except SymbolError as error:
            logger.warning("Left out: %s", error)
            continue
        by_ticker.setdefault(symbol.ticker, symbol)
    _log_spellings(by_ticker.values())
    return list(by_ticker.values())


def _log_spellings(symbols: Iterable[Symbol]) -> None:
    first: dict[str, str] = {}
    for symbol in symbols:
        known = first.setdefault(symbol.currency_pair, symbol.ticker)
        if known != symbol.ticker:
            logger.warning(
                "%r is the same pair as %r, %s: it is fetched once, and each has a watermark",
                symbol.ticker, known, symbol.currency_pair,
            )  # fmt: skip
