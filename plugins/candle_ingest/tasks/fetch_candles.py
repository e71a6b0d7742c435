"""Step 3: the candles of one exchange, for one symbol or several."""

import base64
import json
import logging
import zlib
from collections.abc import Sequence
from typing import Any

from candle_ingest.adapters.candle_pages import candle_pages
from candle_ingest.adapters.candle_store import CandleStore
from candle_ingest.adapters.ccxt_exchange import CcxtExchange
from candle_ingest.adapters.connections import connect_influxdb, connect_redis, exchange_connection
from candle_ingest.adapters.coverage_ledger import FAILED, CoverageLedger
from candle_ingest.adapters.influx_bucket import InfluxBucket
from candle_ingest.core.candles import Candles
from candle_ingest.core.window import Window, subtract, union
from candle_ingest.errors import CandleIngestError, PermanentError, TemporaryError
from candle_ingest.tasks.fetch_request import FetchRequest
from candle_ingest.tasks.page_writer import PageWriter
from candle_ingest.tasks.run import Run

logger = logging.getLogger(__name__)
Summary = dict[str, Any]


def fetch_candles(run: Run, batch: Sequence[FetchRequest]) -> list[Summary]:
    """Fetch what is missing, write it, and return a small summary for each request.

    One symbol that fails stops no other of the batch; at the end the first error is raised, with the
    symbols that it holds for. A retry asks only for what is still missing.
    """
    connection, delay_seconds = exchange_connection(batch[0].exchange), run.settings.api_call_delay_seconds
    if run.dry:
        exchange = CcxtExchange(connection, delay_seconds=delay_seconds)
        return [_fetch_dry(run, exchange, request) for request in batch]
    with (
        connect_redis() as client,
        InfluxBucket(connect_influxdb(), run.settings.influxdb_bucket) as bucket,
    ):
        exchange = CcxtExchange(connection, delay_seconds=delay_seconds, redis_client=client)
        return _fetch_batch(run, exchange, batch, bucket)


def _fetch_batch(
    run: Run, exchange: CcxtExchange, batch: Sequence[FetchRequest], bucket: InfluxBucket
) -> list[Summary]:
    summaries, errors = [], []
    for request in batch:
        try:
            summaries.append(_fetch(run, exchange, request, bucket))
        except CandleIngestError as error:
            logger.error("%s: %s", request, error)
            errors.append(error)
    if errors:
        raise _joined(errors)
    return summaries


def _fetch(run: Run, exchange: CcxtExchange, request: FetchRequest, bucket: InfluxBucket) -> Summary:
    ledger = CoverageLedger(bucket, run.bar_ms)
    answered = ledger.answered(request.currency_pair, request.window).get(request.exchange, [])
    wanted = union([*subtract(request.window, answered), request.reread])
    before = exchange.request_count
    writer = PageWriter(CandleStore(bucket), ledger, request, run.bar_ms)
    try:
        with writer:
            for page in candle_pages(
                exchange, request.market, wanted, run.settings.candle_granularity_minutes, run.now_ms
            ):
                writer.add(page)
    except CandleIngestError as error:
        ledger.record_open(request.currency_pair, request.exchange, wanted, FAILED, str(error))
        raise
    _raise_for_rejected(request, writer)
    summary = _summary(request, wanted, run.bar_ms, writer.candle_count, exchange.request_count - before)
    _log(request, summary)
    return summary


def _fetch_dry(run: Run, exchange: CcxtExchange, request: FetchRequest) -> Summary:
    """The whole window, whatever is stored: the candles travel in the summary, as nothing may be written."""
    before = exchange.request_count
    pages = list(
        candle_pages(exchange, request.market, [request.window], run.settings.candle_granularity_minutes, run.now_ms)
    )
    if faults := [page.checked.rejected_in_words for page in pages if page.checked.rejected]:
        raise TemporaryError(f"{request}: some candles cannot be trusted: {'; '.join(faults)}")
    candles = Candles.concatenate([page.checked.candles for page in pages])
    summary = _summary(request, [request.window], run.bar_ms, len(candles), exchange.request_count - before)
    _log(request, summary)
    return {**summary, "packed": pack_candles(candles)}


def _summary(
    request: FetchRequest, wanted: Sequence[Window], bar_ms: int, candle_count: int, request_count: int
) -> Summary:
    asked_count = sum(window.slots(bar_ms) for window in wanted)
    return {
        "currency_pair": request.currency_pair,
        "exchange": request.exchange,
        "expected": request.window.slots(bar_ms),
        "asked_for": asked_count,
        "candles": candle_count,
        "quiet": asked_count - candle_count,
        "requests": request_count,
    }


def _log(request: FetchRequest, summary: Summary) -> None:
    logger.info(
        "%s (%s), %s: %s candles and %s quiet minutes in %s requests; %s were there before",
        request, request.market["symbol"], request.window,
        *(f"{summary[key]:,}" for key in ("candles", "quiet", "requests")),
        f"{summary['expected'] - summary['asked_for']:,}",
    )  # fmt: skip


def _raise_for_rejected(request: FetchRequest, writer: PageWriter) -> None:
    if writer.rejected:
        first, reason = min(writer.rejected.items())
        raise TemporaryError(
            f"{request}: {len(writer.rejected)} candles cannot be trusted, the first one at {first}: {reason}; "
            "they are left out, all others are stored"
        )


def _joined(errors: Sequence[CandleIngestError]) -> CandleIngestError:
    """One error for the batch: temporary as soon as a retry can mend one of them."""
    kind = TemporaryError if any(isinstance(error, TemporaryError) for error in errors) else PermanentError
    return errors[0] if len(errors) == 1 else kind("\n".join(map(str, errors)))


def pack_candles(candles: Candles) -> str:
    """Candles as text for XCom, in dry runs only."""
    return base64.b64encode(zlib.compress(json.dumps(candles.rows()).encode())).decode()


def unpack_candles(text: str) -> Candles:
    """What `pack_candles` packed."""
    return Candles.from_rows(json.loads(zlib.decompress(base64.b64decode(text))))
