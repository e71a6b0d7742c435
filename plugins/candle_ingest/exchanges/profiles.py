"""What each exchange does with candles. One table; everything else asks it.

Sources: the exchanges' API documentation (spot market data, candles, rate limits), the source of ccxt 4.5, and requests
made with it. What stands in no documentation says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from candle_ingest.exchanges.answer_policies import AnswerPolicy, ExactWindow, LooseStart, WholeHistory

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

EXACT_WINDOW = ExactWindow()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeProfile:
    """How one exchange answers for candles.

    `rows_per_request`: the most candles in one answer.
    `policy`: what an answer may hold beside the candles of the window.
    `history_rows`: the exchange serves only so many closed candles back from now; None: no such end.
    `trades_per_request`: older candles are built from trades, so many in one answer; None: they are not.
    `takes_until`: ccxt is given the open time of the last candle as `until`, which the exchange takes as inclusive;
    False: it has no end (kraken), or ccxt reckons the right, exclusive one from `since` and `limit`.
    `spare_rows`: so many candles behind the window are asked for too, where nobody knows whether the end is inclusive.
    `misaligned_timeframes`: bars that do not open at midnight UTC, or are not as long as ccxt says, and must not be
    merged with others.
    `rows_path`: the keys that lead to the rows in the JSON answer, such as `("result", "list")`; (): the answer is
    the rows, None: they may be anywhere, which is not checked.
    `rows_type`: what is there, a list, or a dict with the rows of each market (kraken).
    `rate_limit_ms`: milliseconds that one unit of ccxt's cost takes; None: what ccxt says.
    `call_cost`: units of ccxt's cost of a request for candles, or for trades.
    `ccxt_options`: makes `load_markets` ask for spot markets only.
    """

    rows_per_request: int
    policy: AnswerPolicy = EXACT_WINDOW
    history_rows: int | None = None
    trades_per_request: int | None = None
    takes_until: bool = True
    spare_rows: int = 0
    misaligned_timeframes: frozenset[str] = frozenset()
    rows_path: tuple[str, ...] | None = None
    rows_type: type = list
    rate_limit_ms: float | None = None
    call_cost: float = 1.0
    ccxt_options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


PROFILES: Mapping[str, ExchangeProfile] = MappingProxyType(
    {
        "binance": ExchangeProfile(
            rows_per_request=1000,
            # ccxt's 50 is all of the 6000 a minute: with a burst on top it would be more.
            rate_limit_ms=50.5,
            call_cost=0.4,
            rows_path=(),
            # With a key ccxt would ask for margin pairs too, and sign that: candles must not depend on a key.
            ccxt_options={"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False},
        ),
        # Its docs: an answer may hold up to 300 candles, some of which precede the start.
        "coinbaseexchange": ExchangeProfile(rows_per_request=300, policy=LooseStart(), rows_path=()),
        "kraken": ExchangeProfile(
            rows_per_request=720,
            history_rows=720,
            policy=WholeHistory(720),
            trades_per_request=1000,
            takes_until=False,
            # A call costs 1.2 to ccxt: one a second.
            rate_limit_ms=835,
            call_cost=1.2,
            rows_path=("result",),
            rows_type=dict,
        ),
        "kucoin": ExchangeProfile(
            rows_per_request=1500,
            # Its end is exclusive.
            takes_until=False,
            # 2000 a 30 s, and room for a burst; ccxt reckons with twice that.
            rate_limit_ms=15.2,
            call_cost=3,
            rows_path=("data",),
            ccxt_options={"fetchMarkets": {"types": ["spot"], "fetchTickersFees": False}},
        ),
        "htx": ExchangeProfile(
            rows_per_request=1000,
            rows_path=("data",),
            # Days open at 16:00 UTC, midnight in Singapore; that its 4h would fall on UTC's grid is unverified.
            misaligned_timeframes=frozenset({"4h", "1d", "1w"}),
            ccxt_options={"fetchMarkets": {"types": {"spot": True, "linear": False, "inverse": False}}},
        ),
        # Its docs: klines weigh 1 of 1200 a minute. ccxt asks for spot markets only.
        "binanceus": ExchangeProfile(
            rows_per_request=1000,
            # A call costs 0.4 to ccxt, as on binance, but weighs 1 of 1200 here: 55 ms, and room for a burst.
            rate_limit_ms=137.5,
            call_cost=0.4,
            rows_path=(),
        ),
        # Advanced Trade. Its docs allow 350 candles a request, ccxt asks for 300 at most.
        "coinbase": ExchangeProfile(
            rows_per_request=300,
            policy=LooseStart(),
            # 10 a second, and a request is 3 units to ccxt; its 34 leaves no room for a burst.
            rate_limit_ms=42,
            call_cost=3,
            rows_path=("candles",),
        ),
        # 300 rows on both of its paths: the last 1440 candles, and older ones at half the rate (20 requests in
        # 2 s). ccxt chooses the path, and its 110 keeps to both limits.
        "okx": ExchangeProfile(
            rows_per_request=300,
            # `after` is exclusive: with an inclusive end the last candle would be lost.
            takes_until=False,
            rows_path=("data",),
            ccxt_options={"fetchMarkets": {"types": ["spot"]}},
        ),
        # Its docs allow 600 requests in 5 s and ban who makes more; ccxt makes 50.
        "bybit": ExchangeProfile(
            rows_per_request=1000,
            call_cost=5,
            rows_path=("result", "list"),
            ccxt_options={"fetchMarkets": {"types": ["spot"]}},
        ),
        # With both ends and a limit its docs count the rows back from the end: the window and the limit must fit, and
        # do. ccxt keeps to 8,000 requests in 10 minutes, its docs allow 10,000.
        "bitstamp": ExchangeProfile(
            rows_per_request=1000,
            # ccxt's `1w` is 259200 seconds, three days.
            misaligned_timeframes=frozenset({"1w"}),
            rows_path=("data", "ohlc"),
        ),
        "gate": ExchangeProfile(
            rows_per_request=1000,
            # Not in its docs: it refuses what is more than 10,000 candles ago, and users measured 9,998. The others
            # are room for the time that passes while requests are made.
            history_rows=9_990,
            # 200 in 10 s on each path: ccxt's 50 is all of that, without a burst.
            rate_limit_ms=55,
            rows_path=(),
            ccxt_options={"fetchMarkets": {"types": ["spot"]}},
        ),
    }
)

# Regional sites with the API of another exchange: in ccxt they are its subclasses and ask for candles as it does.
SAME_API = MappingProxyType(
    {"bybiteu": "bybit", "bybitid": "bybit", "gateeu": "gate", "myokx": "okx", "okxus": "okx"},
)

# For an exchange that is not in the table: few rows a request, which every exchange allows, and one more than is
# needed, so that the last one comes also where the end is exclusive.
UNKNOWN_PROFILE = ExchangeProfile(rows_per_request=99, spare_rows=1, policy=LooseStart())


def canonical_exchange(name: str) -> str:
    """Return the ccxt id of an exchange as people write it: `Coinbase Exchange`, `huobi`, `coinbasepro`."""
    exchange = "".join(name.lower().split())
    return EXCHANGE_ALIASES.get(exchange, exchange)


def exchange_profile(exchange: str) -> ExchangeProfile:
    """Return the facts of an exchange by its ccxt id; cautious ones where it is not in the table."""
    return PROFILES.get(api_of(exchange), UNKNOWN_PROFILE)


def api_of(exchange: str) -> str:
    """Return the exchange whose API a regional site has; else the exchange itself."""
    return SAME_API.get(exchange, exchange)
