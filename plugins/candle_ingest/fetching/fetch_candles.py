"""Step 3: the candles of one exchange, for one symbol or several."""

import logging
from collections.abc import Callable, Sequence

from candle_ingest.connections import connect_influxdb, connect_redis, exchange_connection
from candle_ingest.errors import CandleIngestError, PermanentError, TemporaryError
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.fetching.dry_fetch import fetch_dry
from candle_ingest.fetching.fetch_summary import Summary
from candle_ingest.fetching.wet_fetch import WetFetch
from candle_ingest.planning.fetch_request import FetchRequest
from candle_ingest.planning.run import CATCH_UP, Run
from candle_ingest.store.bucket import InfluxBucket

logger = logging.getLogger(__name__)


def fetch_candles(run: Run, batch: Sequence[FetchRequest]) -> list[Summary]:
    """Fetch what is missing, write it, and return a small summary for each request.

    One symbol that fails stops no other of the batch; at the end the first error is raised, with the
    symbols that it holds for. A retry asks only for what is still missing.
    """
    connection, delay_seconds = exchange_connection(batch[0].exchange), run.settings.api_call_delay_seconds
    if run.dry:
        exchange = ExchangeClient(connection, delay_seconds=delay_seconds)
        return _each(batch, lambda request: fetch_dry(run, exchange, request))
    with (
        connect_redis() as client,
        InfluxBucket(connect_influxdb(), run.settings.influxdb_bucket) as bucket,
    ):
        urgent = run.kind == CATCH_UP
        exchange = ExchangeClient(connection, delay_seconds=delay_seconds, redis_client=client, urgent=urgent)
        return _each(batch, lambda request: WetFetch(run, exchange, request, bucket).fetch())


def _each(batch: Sequence[FetchRequest], fetch: Callable[[FetchRequest], Summary]) -> list[Summary]:
    summaries, errors = [], []
    for request in batch:
        try:
            summaries.append(fetch(request))
        except CandleIngestError as error:
            logger.error("%s: %s", request, error)
            errors.append(error)
    if errors:
        raise _joined(errors)
    return summaries


def _joined(errors: Sequence[CandleIngestError]) -> CandleIngestError:
    """One error for the batch: temporary as soon as a retry can mend one of them."""
    kind = TemporaryError if any(isinstance(error, TemporaryError) for error in errors) else PermanentError
    return errors[0] if len(errors) == 1 else kind("\n".join(map(str, errors)))
