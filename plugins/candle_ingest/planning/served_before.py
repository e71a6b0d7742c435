"""What earlier runs have stored, by which this one tells what is missing now."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from candle_ingest.errors.servers import BucketMissingError
from candle_ingest.exchanges.answers import Market
from candle_ingest.ledger.watermarks import Watermarks, backfill_key, catch_up_key
from candle_ingest.planning.listings import Listings
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore

logger = logging.getLogger(__name__)
SHOWN_PAIRS = 5


class ServedBefore:
    """The store is asked only where an exchange is down, or a market or a symbol has dropped out.

    Where there is no bucket yet, nothing was stored before.
    """

    def __init__(self, bucket: InfluxBucket) -> None:
        self._bucket = bucket
        self._markets: dict[str, dict[str, str]] = {}

    def tickers(self, tickers: Sequence[str]) -> set[str]:
        """Those of `tickers` that have a watermark."""
        if not tickers:
            return set()
        keys = {key_of(ticker): ticker for ticker in tickers for key_of in (backfill_key, catch_up_key)}
        try:
            return {keys[key] for key in Watermarks(self._bucket).read(list(keys))}
        except BucketMissingError:
            return set()

    def has_served(self, exchange: str, currency_pair: str) -> bool:
        """Whether a candle of the pair from the exchange is stored."""
        return currency_pair in self._markets_of(exchange)

    def with_halted_markets(self, listings: Listings) -> Listings:
        """Where trading is halted in the market that a pair's candles came from, that market goes on to serve.

        Another quote would be listed as well, and its prices are others.
        """
        markets = {
            name: {**listings.markets[name], **self._halted(name, found)}
            for name, found in listings.halted.items()
            if found
        }
        return replace(listings, markets={**listings.markets, **markets})

    def _halted(self, exchange: str, halted: dict[str, list[Market]]) -> dict[str, Market]:
        used = self._markets_of(exchange)
        kept = {pair: m for pair, markets in halted.items() for m in markets if m["symbol"] == used.get(pair)}
        if kept:
            logger.warning(
                "%s: no trading now in %s%s; their candles are still asked for",
                exchange, ", ".join(market["symbol"] for market in [*kept.values()][:SHOWN_PAIRS]),
                f" and {len(kept) - SHOWN_PAIRS} more markets" if len(kept) > SHOWN_PAIRS else "",
            )  # fmt: skip
        return kept

    def _markets_of(self, exchange: str) -> dict[str, str]:
        if exchange not in self._markets:
            try:
                self._markets[exchange] = CandleStore(self._bucket).last_markets(exchange)
            except BucketMissingError:
                self._markets[exchange] = {}
        return self._markets[exchange]
