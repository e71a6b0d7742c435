"""Recorded candles from CSV files: a market that serves exactly these rows, at their own dates."""

import csv
import gzip
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from dev.exchange_simulator.coins import Coin
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.markets import EXCHANGES, Market, build_market, find_market

_HEADER = ["ts", "open", "high", "low", "close", "volume"]


class RecordedCandlesError(ValueError):
    """A recorded file or its option cannot be used; the message says why, for the user who started the simulator."""


@dataclass(frozen=True, slots=True)
class RecordedMarket:
    """A market and its rows (open time ms, prices in ticks, volume in units, trades)."""

    market: Market
    rows: Ints


def _read_csv(path: Path) -> list[list[str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as file:
            header, *lines = csv.reader(file)
    except (OSError, ValueError) as error:
        raise RecordedCandlesError(f"{path}: cannot be read: {error}") from error
    if header != _HEADER or not lines:
        raise RecordedCandlesError(f"{path}: expected the columns {','.join(_HEADER)} and at least one row")
    return lines


def _decimals(texts: list[str]) -> int:
    """Return the largest number of decimals in any of these numbers."""
    return max(0, *(-int(Decimal(text).normalize().as_tuple().exponent) for text in texts))


def _trade_count(row: list[int]) -> int:
    """Return the smallest number of trades that can build the candle."""
    opened, high, low, close, volume = row
    if volume == 0:
        return 0
    if high > max(opened, close) or low < min(opened, close):
        return min(4, volume)
    return min(2, volume) if opened != close else 1


def _to_rows(lines: list[list[str]], price_decimals: int, volume_decimals: int) -> Ints:
    rows = []
    for line in lines:
        prices = [int(Decimal(text).scaleb(price_decimals)) for text in line[1:5]]
        values = [*prices, int(Decimal(line[5]).scaleb(volume_decimals))]
        rows.append([int(line[0]), *values, _trade_count(values)])
    return np.array(rows, dtype=np.int64)


def _check(path: Path, rows: Ints) -> None:
    if np.any(np.diff(rows[:, 0]) <= 0) or np.any(rows[:, 0] % 60_000):
        raise RecordedCandlesError(f"{path}: ts must be ascending whole minutes in ms")


def load_recorded(exchange: str, symbol: str, path: Path) -> RecordedMarket:
    """Read `ts,open,high,low,close,volume` (ms UTC open time, base units) for one market of one exchange."""
    if exchange not in EXCHANGES:
        raise RecordedCandlesError(f"no exchange {exchange!r}; there are {', '.join(EXCHANGES)}")
    base, _, quote = symbol.partition("/")
    if not (base and quote):
        raise RecordedCandlesError(f"{symbol!r} is not a market; write it like BTC/USDT")
    lines = _read_csv(path)
    prices = _decimals([text for line in lines for text in line[1:5]])
    volumes = _decimals([line[5] for line in lines])
    rows = _to_rows(lines, prices, volumes)
    _check(path, rows)
    try:
        market = find_market(exchange, symbol)
    except KeyError:
        market = build_market(exchange, Coin(base, float(lines[0][1]), 0.0), quote)
    market = replace(market, price_decimals=prices, volume_decimals=volumes, listed_ms=int(rows[0, 0]), halted_ms=None)
    return RecordedMarket(market, rows)


def parse_recorded_option(text: str) -> tuple[str, str, Path]:
    """Split EXCHANGE:SYMBOL=FILE."""
    name, separator, file = text.partition("=")
    exchange, colon, symbol = name.partition(":")
    if not (separator and colon and file):
        raise RecordedCandlesError(f"{text!r}: write EXCHANGE:SYMBOL=FILE, such as binance:BTC/USDT=candles.csv")
    return exchange, symbol, Path(file)
