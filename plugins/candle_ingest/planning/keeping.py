"""The keeper of records with the rules of a run."""

from candle_ingest.candles.window import DAY_MS
from candle_ingest.connections import RedisClient
from candle_ingest.ledger.record_keeper import RecordKeeper
from candle_ingest.planning.asking import closing_rule
from candle_ingest.planning.run import Run
from candle_ingest.store.bucket import InfluxBucket


def record_keeper(run: Run, bucket: InfluxBucket, client: RedisClient) -> RecordKeeper:
    """Return the keeper of the run's records."""
    settings = run.settings
    give_up_ms = settings.give_up_days * DAY_MS
    return RecordKeeper(bucket, client, run.timeframe.ms, lambda exchange: closing_rule(settings, exchange), give_up_ms)
