"""A fetch that writes nothing: its candles travel through XCom."""

import base64
import json
import zlib

from candle_ingest.candles.candles import Candles
from candle_ingest.errors import TemporaryError
from candle_ingest.exchanges.candle_pages import candle_pages
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.fetching.fetch_summary import Summary, fetch_summary, log_summary
from candle_ingest.planning.fetch_request import FetchRequest
from candle_ingest.planning.run import Run


def fetch_dry(run: Run, exchange: ExchangeClient, request: FetchRequest) -> Summary:
    """The whole window, whatever is stored; the summary holds the candles as `packed`."""
    before = exchange.request_count
    granularity_minutes = run.settings.candle_granularity_minutes
    pages = list(candle_pages(exchange, request.market, [request.window], granularity_minutes, run.now_ms))
    if failed := next((page for page in pages if page.failed_reason), None):
        raise TemporaryError(f"{request}: {failed.failed_reason}")
    if faults := [page.checked.rejected_in_words for page in pages if page.checked.rejected]:
        raise TemporaryError(f"{request}: some candles cannot be trusted: {'; '.join(faults)}")
    candles = Candles.concatenate([page.checked.candles for page in pages])
    candles = candles.between(request.start_ms, request.end_ms)
    summary = fetch_summary(request, [request.window], run.bar_ms, len(candles), exchange.request_count - before)
    log_summary(request, summary)
    return {**summary, "packed": pack_candles(candles)}


def pack_candles(candles: Candles) -> str:
    """Candles as text for XCom, in dry runs only."""
    return base64.b64encode(zlib.compress(json.dumps(candles.rows()).encode())).decode()


def unpack_candles(text: str) -> Candles:
    """What `pack_candles` packed."""
    return Candles.from_rows(json.loads(zlib.decompress(base64.b64decode(text))))
