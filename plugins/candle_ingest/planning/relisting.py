"""Make past days due for markets that were not listed, or were halted, when these days were planned."""

import logging
from collections.abc import Mapping

from candle_ingest.candles.window import ALL_TIME, DAY_MS, Window
from candle_ingest.connections import RedisClient
from candle_ingest.errors import CandleIngestError
from candle_ingest.exchanges.answers import Market
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.first_candle import first_candle_ms
from candle_ingest.ledger.day_records import DAY_RECORDS
from candle_ingest.ledger.work_index import WorkIndex
from candle_ingest.planning.record_keeping import record_keeper
from candle_ingest.planning.run import Run
from candle_ingest.plurals import counted
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, keep, select, times_ms

logger = logging.getLogger(__name__)
_BY_LIST = select(
    DAY_RECORDS, 'r._field == "by_list" and r._value > 0', "r.currency_pair == pair", "r.exchange == exchange"
) + keep("_time")


def retry_listed(
    run: Run,
    markets: Mapping[str, Mapping[str, Market]],
    clients: Mapping[str, ExchangeClient],
    bucket: InfluxBucket,
    client: RedisClient,
) -> None:
    """Make days due that were not requested because the exchange did not list the pair, once it is in `markets`.

    First, the exchange is asked for the market's first candle, so that the time before it costs no requests. If that
    fails, or if there is no candle yet, the next repair tries again.
    """
    index = WorkIndex(client, bucket)
    for pair, exchange in sorted(index.unlisted()):
        market = markets.get(exchange, {}).get(pair)
        if market is None or not market["active"]:
            continue
        try:
            if _retry(run, pair, market, clients[exchange], bucket, client):
                index.remove_listed(pair, exchange)
        except CandleIngestError as error:
            logger.warning("%s @ %s is listed now; a later repair will request its past: %s", pair, exchange, error)


def _retry(run: Run, pair: str, market: Market, api: ExchangeClient, bucket: InfluxBucket, client: RedisClient) -> bool:
    """Make the days of one pair due; return False if it has no candle yet."""
    rows = bucket.query(_BY_LIST, pair=pair, exchange=api.exchange, **flux_range(ALL_TIME))
    days = times_ms(row["_time"] for row in rows)
    if not len(days):
        return True
    first_ms = first_candle_ms(api, market, int(days.min()), run.now_ms)
    if first_ms is None:
        return False
    keeper = record_keeper(run.settings, bucket, client)
    span, first_ms = Window(int(days.min()), int(days.max()) + DAY_MS), run.timeframe.floor_ms(first_ms)
    count = len(keeper.retry_not_listed(api.exchange, span, pair, first_ms, run.now_ms))
    logger.info("%s @ %s is listed now: %s due that could not be requested", pair, api.exchange, counted(count, "day"))
    return True
