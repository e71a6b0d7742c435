"""The bucket of a pipeline, for one request of the page."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends

from candle_ingest.candles.symbol import Symbol
from candle_ingest.connections import connect_influxdb, connect_redis
from candle_ingest.errors import CandleIngestError
from candle_ingest.planning.symbol_list import read_symbols
from candle_ingest.redis_errors import translate_redis_errors
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.web.access import Pipeline

# Whoever looks at a page wants to know soon that the server is down.
TIMEOUT_MS = 20_000


def open_bucket(settings: Pipeline) -> Iterator[InfluxBucket]:
    """The bucket of the pipeline that the address names; each query is tried once."""
    client = connect_influxdb()
    client.api_client.configuration.timeout = TIMEOUT_MS
    with InfluxBucket(client, settings.influxdb_bucket, attempts=1) as bucket:
        yield bucket


Bucket = Annotated[InfluxBucket, Depends(open_bucket)]


def listed_symbols(settings: PipelineSettings) -> tuple[list[Symbol], str]:
    """The symbols that Redis lists, and why there are none; the page does not need them."""
    try:
        with connect_redis() as client, translate_redis_errors():
            return read_symbols(client, settings.redis_key_crypto_symbols), ""
    except CandleIngestError as error:
        return [], str(error)
