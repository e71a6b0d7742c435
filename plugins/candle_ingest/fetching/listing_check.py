"""Tells "not yet listed" from "nobody traded" where a window begins with nothing."""

import logging
from collections.abc import Sequence

from candle_ingest.candles.silences import SHORTEST_MS
from candle_ingest.candles.window import Window
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.first_candle import first_candle_ms
from candle_ingest.ledger.coverage import NOT_LISTED, Entry
from candle_ingest.planning.fetch_request import FetchRequest
from candle_ingest.store.candle_store import CandleStore

logger = logging.getLogger(__name__)


def time_before_listing(
    exchange: ExchangeClient,
    request: FetchRequest,
    empty: Window,
    known: Sequence[Entry],
    store: CandleStore,
    now_ms: int,
) -> Window | None:
    """The part of `empty` in which the market was not listed yet; None where it was, or where nobody knows.

    `empty` is the stretch without candles at the beginning of the request, `known` what the ledger has of the
    market. The exchange is asked only where neither store nor ledger tells. An exchange that shows no candle at
    all, not even a later one, proves nothing.
    """
    if empty.end_ms - empty.start_ms < SHORTEST_MS:
        return None
    if store.has_candle_before(request.currency_pair, request.exchange, empty.start_ms):
        return None
    if any(entry.status == NOT_LISTED and entry.window.end_ms == empty.start_ms for entry in known):
        return empty
    first_ms = first_candle_ms(exchange, request.market, empty.start_ms, now_ms)
    return empty if first_ms is not None and first_ms >= empty.start_ms else None
