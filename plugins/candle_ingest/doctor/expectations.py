"""What is expected of the exchanges' responses, beyond their profiles: order, quiet minutes, caches, columns, headers.

Sources: the exchanges' API documentation and recorded responses (development docs, facts of the exchange simulator).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from candle_ingest.exchanges.profiles import SAME_API

DOLLARS, TETHER = "BTC/USD", "BTC/USDT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What is expected of one exchange.

    `main_market`: a busy market that is always listed. `newest_first`: the order of rows on the wire. `shows_quiet`: a
    minute without trades is a flat candle. `time`, `volume` and `quote_volume`: where a row has them; without
    `quote_volume`, volumes are compared with trades. `cached_seconds`: how old a cached response may be; 0 if there is
    no cache. `limit_headers`: those that say how much of the limit is used, or left. `day_opens_hour`: the hour UTC at
    which daily candles open. `doubled_day_ms`: midnight UTC of a day whose candle came twice with different
    values.
    """

    main_market: str = TETHER
    newest_first: bool = False
    shows_quiet: bool = True
    time: int | str = 0
    volume: int | str = 5
    quote_volume: int | str | None = None
    cached_seconds: int = 0
    limit_headers: tuple[str, ...] = ()
    day_opens_hour: int = 0
    doubled_day_ms: int | None = None


_WEIGHT = ("x-mbx-used-weight-1m",)
EXPECTATIONS: Mapping[str, Expectation] = MappingProxyType(
    {
        "binance": Expectation(quote_volume=7, limit_headers=_WEIGHT),
        "binanceus": Expectation(quote_volume=7, limit_headers=_WEIGHT),
        "coinbase": Expectation(
            main_market=DOLLARS, newest_first=True, shows_quiet=False, time="start", volume="volume"
        ),
        "coinbaseexchange": Expectation(main_market=DOLLARS, newest_first=True, shows_quiet=False, cached_seconds=300),
        "kraken": Expectation(main_market=DOLLARS, volume=6),
        "kucoin": Expectation(
            newest_first=True, shows_quiet=False, quote_volume=6, limit_headers=("gw-ratelimit-remaining",)
        ),
        "htx": Expectation(newest_first=True, time="id", volume="amount", quote_volume="vol", day_opens_hour=16),
        "okx": Expectation(newest_first=True, quote_volume=7),
        "bybit": Expectation(newest_first=True, quote_volume=6),
        "bitstamp": Expectation(
            # 2019-01-09 (gocryptotrader recordings).
            main_market=DOLLARS,
            time="timestamp",
            volume="volume",
            doubled_day_ms=1_546_992_000_000,
        ),
        "gate": Expectation(volume=6, quote_volume=1, limit_headers=("x-gate-ratelimit-requests-remain",)),
    }
)


def expectation_of(exchange: str) -> Expectation | None:
    """Return what is expected of an exchange, by its ccxt id; None if nothing is known of it."""
    return EXPECTATIONS.get(SAME_API.get(exchange, exchange))
