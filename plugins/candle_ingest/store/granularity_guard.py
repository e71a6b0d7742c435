"""Keep each bucket to candles of one length.

`bucket_use`: no tags; field `candle_granularity_minutes` integer; time of writing. The first run writes it.
"""

import time

from influxdb_client import Point

from candle_ingest.errors.settings import GranularityChangedError
from candle_ingest.plurals import counted
from candle_ingest.store.bucket import InfluxBucket

MEASUREMENT = "bucket_use"
FIELD = "candle_granularity_minutes"
_READ = """
from(bucket: bucket)
  |> range(start: 0)
  |> filter(fn: (r) => r._measurement == "bucket_use")
  |> first()
"""


def check_granularity(bucket: InfluxBucket, granularity_minutes: int) -> None:
    """Raise GranularityChangedError if the bucket has candles of another length; mark a new bucket.

    Without this check, hourly candles would count as answers for minutes, and each would be read as the other.
    """
    known = [int(row["_value"]) for row in bucket.query(_READ)]
    if not known:
        point = Point(MEASUREMENT).field(FIELD, granularity_minutes).time(time.time_ns())
        bucket.write_points([point])
    elif known[0] != granularity_minutes:
        raise GranularityChangedError(
            f"the bucket {bucket.name} has candles of {counted(known[0], 'minute')}, and candle_granularity_minutes is "
            f"{granularity_minutes}: give the pipeline a new influxdb_bucket"
        )
