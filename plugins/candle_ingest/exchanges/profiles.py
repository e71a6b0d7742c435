"""How each exchange serves candles: one table that everything else reads.

Sources: the exchanges' API documentation (spot market data, candles, rate limits), the source of ccxt 4.5, and requests
made with it. Undocumented facts are marked as such.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any

from candle_ingest.exchanges.answer_policies import AnswerPolicy, ExactWindow, LooseStart, WholeHistory

# Names that ccxt has dropped but people still use.
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
class WireColumns:
    """Where a row, as it is sent, has what ccxt drops: places in a list, or keys of an object.

    `vwap` is sent instead of the quote volume, which is vwap × volume. `unfinished` is the place of a flag and its
    value, as lower-case text, in a row that is not finished.
    """

    quote_volume: int | str | None = None
    vwap: int | str | None = None
    trade_count: int | str | None = None
    taker_buy_volume: int | str | None = None
    unfinished: tuple[int, str] | None = None


class Quiet(Enum):
    """What an exchange sends for a minute without trades."""

    FLAT = "a candle with the close before it and volume 0"
    MISSING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeProfile:
    """How one exchange serves candles.

    `rows_per_request`: the most candles in one response.
    `policy`: what a response may hold besides the candles of the window.
    `history_rows`: how many closed candles back from now the exchange serves; None: no such limit.
    `trades_per_request`: trades in one response, where older candles are built from trades; None: they are not.
    `takes_until`: ccxt is given the last second of the window as `until`, which the exchange takes as inclusive;
    False: it has no end (kraken), or ccxt computes the right, exclusive one from `since` and `limit`.
    `ends_by_limit`: ccxt's end is no later than the open time of the last of `limit` candles after `since`.
    `spare_rows`: extra candles to request after the window, when its end may be exclusive.
    `misaligned_timeframes`: bars up to a day that do not open at midnight UTC, and must not be merged with others.
    `quiet`: what it sends for a minute without trades; None: not known.
    `may_lack_rows`: responses have been seen to lack a candle with trades: one that lacks any is requested once more.
    `last_row_counts`: a time may appear twice in a response, and the last row is the right one.
    `wire_columns`: what its rows hold beside OHLCV; None: nothing.
    `rows_path`: the keys that lead to the rows in the JSON response, such as `("result", "list")`; (): the response
    is the rows; None: they may be anywhere, which is not checked.
    `rows_type`: the type of the object there: a list, or a dict with the rows of each market (kraken).
    `rate_limit_ms`: milliseconds that one unit of ccxt's cost takes; None: what ccxt says.
    `call_cost`: the cost of a request for candles, or for trades, in ccxt's units.
    `market_seconds`: least time between two requests for the same market, where those are counted separately.
    `dark_pool_suffix`: the suffix of the ids of markets that are not public.
    `skipped_requests`: ccxt methods called to load the market list whose responses are not needed.
    `ccxt_options`: ccxt's options, which make `load_markets` request spot markets only.
    """

    rows_per_request: int
    policy: AnswerPolicy = EXACT_WINDOW
    history_rows: int | None = None
    trades_per_request: int | None = None
    takes_until: bool = True
    ends_by_limit: bool = False
    spare_rows: int = 0
    misaligned_timeframes: frozenset[str] = frozenset()
    quiet: Quiet | None = None
    may_lack_rows: bool = False
    last_row_counts: bool = False
    wire_columns: WireColumns | None = None
    rows_path: tuple[str, ...] | None = None
    rows_type: type = list
    rate_limit_ms: float | None = None
    call_cost: float = 1.0
    market_seconds: float = 0.0
    dark_pool_suffix: str = ""
    skipped_requests: tuple[str, ...] = ()
    ccxt_options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


PROFILES: Mapping[str, ExchangeProfile] = MappingProxyType(
    {
        "binance": ExchangeProfile(
            # Kline: 7 quote volume, 8 number of trades, 9 taker buy base volume (binance-spot-api-docs, 2026-11).
            wire_columns=WireColumns(quote_volume=7, trade_count=8, taker_buy_volume=9),
            # Quiet minutes flat, outages missing (recorded, exchanges.md 2026-11).
            quiet=Quiet.FLAT,
            rows_per_request=1000,
            # ccxt's 50 uses all of the 6000 a minute, and leaves no room for a burst.
            rate_limit_ms=50.5,
            call_cost=0.4,
            rows_path=(),
            # With a key, ccxt would also request margin pairs, signed: candles must not depend on a key.
            ccxt_options={"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False},
        ),
        # Its docs: a response may hold up to 300 candles, some of which precede the start.
        "coinbaseexchange": ExchangeProfile(
            rows_per_request=300,
            policy=LooseStart(),
            rows_path=(),
            # Coinbase Exchange docs, Get product candles, 2026-11.
            quiet=Quiet.MISSING,
        ),
        "kraken": ExchangeProfile(
            # OHLC: 5 vwap, 7 count (Kraken REST API, Get OHLC Data, 2026-11).
            wire_columns=WireColumns(vwap=5, trade_count=7),
            # Recorded 2025: flat, count 0. In 2019 they were missing (ccxt #5682); only the last 720 are served.
            quiet=Quiet.FLAT,
            rows_per_request=720,
            history_rows=720,
            policy=WholeHistory(720),
            trades_per_request=1000,
            takes_until=False,
            # Documented is one a second for an address and a pair (support.kraken.com 206548367); at exactly that
            # users were refused from call 103 on (ccxt #20648), so 1.2 s. What one address may ask of all pairs
            # together is not documented: 3.3 a second, as a call costs 1.2 to ccxt.
            market_seconds=1.2,
            rate_limit_ms=250,
            # Its lists of 2021 have dark pools next to the pairs, and ccxt gives both the same symbol.
            dark_pool_suffix=".d",
            call_cost=1.2,
            rows_path=("result",),
            rows_type=dict,
        ),
        "kucoin": ExchangeProfile(
            # 6 turnover (KuCoin docs, Get Klines, 2026-11).
            wire_columns=WireColumns(quote_volume=6),
            # KuCoin docs (older), Get Klines.
            quiet=Quiet.MISSING,
            rows_per_request=1500,
            # Its end is exclusive.
            takes_until=False,
            # 2000 a 30 s, and room for a burst; ccxt assumes twice that.
            rate_limit_ms=15.2,
            call_cost=3,
            rows_path=("data",),
            ccxt_options={"fetchMarkets": {"types": ["spot"], "fetchTickersFees": False}},
        ),
        "htx": ExchangeProfile(
            # `vol` is in quote units, `count` the trades (HTX API docs, Get Klines, 2026-11).
            wire_columns=WireColumns(quote_volume="vol", trade_count="count"),
            # Not in its docs, and not recorded of a spot market; `doctor` checks it. A minute of a derivative there
            # began as a flat candle with count 0 (crypto-crawler-rs, a test message of 2022-06-01).
            quiet=Quiet.FLAT,
            rows_per_request=1000,
            rows_path=("data",),
            # Days open at 16:00 UTC, midnight in Singapore; that its 4h would fall on UTC's grid is unverified.
            misaligned_timeframes=frozenset({"4h", "1d"}),
            ccxt_options={"fetchMarkets": {"types": {"spot": True, "linear": False, "inverse": False}}},
        ),
        # Its docs: klines weigh 1 of 1200 a minute. ccxt asks for spot markets only.
        "binanceus": ExchangeProfile(
            # As binance (docs.binance.us, 2026-11).
            wire_columns=WireColumns(quote_volume=7, trade_count=8, taker_buy_volume=9),
            quiet=Quiet.FLAT,
            rows_per_request=1000,
            # A call costs 0.4 to ccxt, as on binance, but weighs 1 of 1200 here: 55 ms, and room for a burst.
            rate_limit_ms=137.5,
            call_cost=0.4,
            rows_path=(),
        ),
        # Advanced Trade. Its docs allow 350 candles a request, ccxt asks for 300 at most.
        "coinbase": ExchangeProfile(
            # Coinbase docs, Get Product Candles: no data points where there are no ticks.
            quiet=Quiet.MISSING,
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
            # 7 volCcyQuote; 8 confirm, "0" while the candle is not completed (OKX docs v5, candlesticks, 2026-11).
            wire_columns=WireColumns(quote_volume=7, unfinished=(8, "0")),
            rows_per_request=300,
            # `after` is exclusive: with an inclusive end the last candle would be lost.
            takes_until=False,
            rows_path=("data",),
            ccxt_options={"fetchMarkets": {"types": ["spot"]}},
        ),
        # Its docs allow 600 requests in 5 s and announce a ban beyond that; ccxt makes 50.
        "bybit": ExchangeProfile(
            # 6 turnover (Bybit docs v5, Get Kline, 2026-11).
            wire_columns=WireColumns(quote_volume=6),
            rows_per_request=1000,
            call_cost=5,
            rows_path=("result", "list"),
            ccxt_options={"fetchMarkets": {"types": ["spot"]}},
        ),
        # By its docs, with both ends and a limit the rows count back from the end, so the limit must fit the window,
        # and does. ccxt keeps to 8,000 requests in 10 minutes; its docs allow 10,000.
        "bitstamp": ExchangeProfile(
            # `start` is ignored, and rows count back from the end: an answer may begin before the window. A day came
            # twice with different values, the last one right (gocryptotrader recordings, 2019-01-09).
            policy=LooseStart(),
            last_row_counts=True,
            # Seen by users: quiet minutes come flat. 999 rows of 1000 came, without a day that had trades
            # (gocryptotrader recordings).
            quiet=Quiet.FLAT,
            may_lack_rows=True,
            rows_per_request=1000,
            rows_path=("data", "ohlc"),
        ),
        "gate": ExchangeProfile(
            # 1 quote volume; 7 whether the window is closed (Gate API v4, candlesticks, 2026-11).
            wire_columns=WireColumns(quote_volume=1, unfinished=(7, "false")),
            # It serves 1000; the last one is left for the retries, which ask for one more.
            rows_per_request=999,
            ends_by_limit=True,
            # Not in its docs: it refuses candles more than 10,000 back, and users measured 9,998. The difference is
            # room for the time that passes while requests are made.
            history_rows=9_990,
            # 200 in 10 s on each path: ccxt's 50 uses all of that, and leaves no room for a burst.
            rate_limit_ms=55,
            rows_path=(),
            # ccxt requests the list of margin pairs first, which is not needed and can fail alone (ccxt #17464).
            skipped_requests=("publicMarginGetCurrencyPairs",),
            ccxt_options={"fetchMarkets": {"types": ["spot"]}},
        ),
    }
)

# Regional sites with the API of another exchange: in ccxt, subclasses that request candles the same way.
SAME_API = MappingProxyType(
    {"bybiteu": "bybit", "bybitid": "bybit", "gateeu": "gate", "myokx": "okx", "okxus": "okx"},
)

# For an exchange that is not in the table: few rows per request, which every exchange allows, and one extra, so that
# the last one comes even if the end is exclusive.
UNKNOWN_PROFILE = ExchangeProfile(rows_per_request=99, spare_rows=1, policy=LooseStart())


# Exchanges with one order book under several ids. Coinbase documents this for its two APIs. Whether a regional site
# shares its parent's book is not documented, so the two do not count as independent.
SHARED_BOOKS: tuple[frozenset[str], ...] = (
    frozenset({"coinbase", "coinbaseexchange"}),
    *(frozenset({site, *(s for s, p in SAME_API.items() if p == parent), parent}) for site, parent in SAME_API.items()),
)


def shared_book(exchanges: Iterable[str]) -> list[str]:
    """Return those of the exchanges (ccxt ids) that share one order book; empty if none do."""
    named = set(exchanges)
    return next((sorted(named & book) for book in SHARED_BOOKS if len(named & book) > 1), [])


def verified_exchanges() -> frozenset[str]:
    """Return the ccxt ids of the exchanges in the table."""
    return frozenset({*PROFILES, *SAME_API})


def canonical_exchange(name: str) -> str:
    """Return the ccxt id for a name as people write it: `Coinbase Exchange`, `huobi`, `coinbasepro`."""
    exchange = "".join(name.lower().split())
    return EXCHANGE_ALIASES.get(exchange, exchange)


def exchange_profile(exchange: str) -> ExchangeProfile:
    """Return the profile of an exchange by its ccxt id; a cautious one if it is not in the table."""
    return PROFILES.get(api_of(exchange), UNKNOWN_PROFILE)


def api_of(exchange: str) -> str:
    """Return the exchange whose API a regional site uses; for others, the exchange itself."""
    return SAME_API.get(exchange, exchange)
