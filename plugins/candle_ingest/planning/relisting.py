"""Ask for the past of markets that were not listed, or halted, when their days were asked for."""

import logging
from collections.abc import Mapping

from candle_ingest.candles.window import ALL_TIME, DAY_MS, Window
from candle_ingest.connections import RedisClient
from candle_ingest.counting import counted
from candle_ingest.errors import CandleIngestError
from candle_ingest.exchanges.answers import Market
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.first_candle import first_candle_ms
from candle_ingest.ledger.day_records import DAY_RECORDS
from candle_ingest.ledger.work_index import WorkIndex
from candle_ingest.planning.keeping import record_keeper
from candle_ingest.planning.run import Run
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, keep, select, times_ms

logger = logging.getLogger(__name__)
_BY_LIST = select(
    DAY_RECORDS, 'r._field == "by_list" and r._value > 0', "r.currency_pair == pair", "r.exchange == exchange"
) + keep("_time")


def retry_listed(
    run: Run,
    markets: Mapping[str, Mapping[str, Market]],
    opened: Mapping[str, ExchangeClient],
    bucket: InfluxBucket,
    client: RedisClient,
) -> None:
    """Make days due that nobody asked for because the exchange did not list the pair, once it is in `markets`.

    The exchange is asked for its first candle, so that a new market costs no request for the time before it. If that
    fails, or there is no candle yet, the next repair asks again.
    """
    index = WorkIndex(client, bucket)
    for pair, exchange in sorted(index.unlisted()):
        market = markets.get(exchange, {}).get(pair)
        if market is None or not market["active"]:
            continue
        try:
            if _retry(run, pair, market, opened[exchange], bucket, client):
                index.remove_listed(pair, exchange)
        except CandleIngestError as error:
            logger.warning("%s @ %s is listed now; its past is asked for by a later repair: %s", pair, exchange, error)


def _retry(run: Run, pair: str, market: Market, api: ExchangeClient, bucket: InfluxBucket, client: RedisClient) -> bool:
    """Make the days of one pair due; return whether that is done."""
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
    logger.info("%s @ %s is listed now: %s not asked before, due now", pair, api.exchange, counted(count, "day"))
    return True
