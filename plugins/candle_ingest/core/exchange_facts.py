"""What each exchange does with candles. One table; everything else asks it.

Sources: the exchanges' API documentation (spot market data, candles) and requests made with ccxt 4.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

# Names that ccxt has dropped and people still write.
EXCHANGE_ALIASES = MappingProxyType(
    {
        "coinbasepro": "coinbaseexchange",
        "gdax": "coinbaseexchange",
        "huobi": "htx",
        "huobipro": "htx",
        "gateio": "gate",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeFacts:
    """How one exchange answers for candles.

    `rows_per_request`: the most candles in one answer.
    `history_rows`: the exchange serves only so many closed candles back from now; None: no such end.
    `returns_whole_history`: the answer runs up to now, whatever end was asked for.
    `trades_per_request`: older candles are built from trades, so many in one answer; None: they are not.
    `misaligned_timeframes`: bars that do not open at midnight UTC and must not be merged with others.
    `rows_key`: where the rows are in the JSON answer; None: the answer itself, "" : anywhere (not checked).
    `rate_limit_ms`: milliseconds that one unit of ccxt's cost takes; None: what ccxt says.
    `ccxt_options`: makes `load_markets` ask for spot markets only.
    """

    rows_per_request: int
    history_rows: int | None = None
    returns_whole_history: bool = False
    trades_per_request: int | None = None
    misaligned_timeframes: frozenset[str] = frozenset()
    rows_key: str | None = ""
    rate_limit_ms: float | None = None
    ccxt_options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


FACTS: Mapping[str, ExchangeFacts] = MappingProxyType(
    {
        "binance": ExchangeFacts(
            rows_per_request=1000,
            rows_key=None,
            ccxt_options={"fetchMarkets": {"types": ["spot"]}},
        ),
        "coinbaseexchange": ExchangeFacts(rows_per_request=300, rows_key=None),
        "kraken": ExchangeFacts(
            rows_per_request=720,
            history_rows=720,
            returns_whole_history=True,
            trades_per_request=1000,
            rows_key="result",
        ),
        "kucoin": ExchangeFacts(
            rows_per_request=1500,
            # 2000 a 30 s; ccxt reckons with twice that.
            rate_limit_ms=15,
            rows_key="data",
            ccxt_options={"fetchMarkets": {"types": ["spot"], "fetchTickersFees": False}},
        ),
        "htx": ExchangeFacts(
            rows_per_request=1000,
            rows_key="data",
            # Days open at 16:00 UTC, midnight in Singapore; that its 4h would fall on UTC's grid is unverified.
            misaligned_timeframes=frozenset({"4h", "1d", "1w"}),
            ccxt_options={"fetchMarkets": {"types": {"spot": True, "linear": False, "inverse": False}}},
        ),
    }
)

# For an exchange that is not in the table: few rows a request, which every exchange allows.
UNKNOWN_EXCHANGE = ExchangeFacts(rows_per_request=100)


def canonical_exchange(name: str) -> str:
    """The ccxt id of an exchange as people write it: `Coinbase Exchange`, `huobi`, `coinbasepro`."""
    exchange = "".join(name.lower().split())
    return EXCHANGE_ALIASES.get(exchange, exchange)


def exchange_facts(exchange: str) -> ExchangeFacts:
    """The facts of an exchange by its ccxt id; cautious ones where it is not in the table."""
    return FACTS.get(exchange, UNKNOWN_EXCHANGE)
