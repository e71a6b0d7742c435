"""Fetch without writing: the candles are returned through XCom."""

from typing import Any

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.packing import pack_candles
from candle_ingest.candles.window import Window
from candle_ingest.errors import CandleIngestError
from candle_ingest.errors.ledger import DryFetchError
from candle_ingest.exchanges.candle_pages import candle_pages
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.fetching.fetch_summary import Summary, batch_key
from candle_ingest.planning.fetch_batch import FetchBatch
from candle_ingest.planning.run import Run


def fetch_dry(run: Run, exchange: ExchangeClient, batch: FetchBatch) -> Summary:
    """Fetch the whole window, whatever is stored; return the candles, by pair, as `packed` in the summary."""
    packed: dict[str, Any] = {}
    errors: list[CandleIngestError] = []
    for pair in batch.markets:
        try:
            packed[pair] = pack_candles(_candles(run, exchange, batch.details[pair], batch.windows[pair]))
        except CandleIngestError as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return {"batch": batch_key(batch), "exchange": batch.exchange, "requests": exchange.request_count, "packed": packed}


def _candles(run: Run, exchange: ExchangeClient, market: dict[str, Any], windows: tuple[Window, ...]) -> Candles:
    pages = list(candle_pages(exchange, market, list(windows), run.timeframe, run.now_ms))
    for page in pages:
        if reason := page.failed_reason or page.checked.rejected_in_words:
            raise DryFetchError(f"{market['symbol']} @ {exchange.exchange}, {page.window}: {reason}")
    candles = Candles.concatenate([page.checked.candles for page in pages])
    return Candles.concatenate([candles.between(window.start_ms, window.end_ms) for window in windows])
