"""Build the record keeper with the rules of a pipeline."""

from functools import partial

from candle_ingest.candles.window import DAY_MS
from candle_ingest.connections import RedisClient
from candle_ingest.ledger.record_keeper import RecordKeeper
from candle_ingest.planning.request_planner import closing_rule
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket


def record_keeper(settings: PipelineSettings, bucket: InfluxBucket, client: RedisClient) -> RecordKeeper:
    """Return the record keeper of the pipeline."""
    rule_of, give_up_ms = partial(closing_rule, settings), settings.give_up_days * DAY_MS
    return RecordKeeper(bucket, client, settings.timeframe.ms, rule_of, give_up_ms)
