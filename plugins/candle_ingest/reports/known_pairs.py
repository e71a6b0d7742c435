"""Check whether the pipeline knows a pair: listed in Redis, or stored."""

from collections.abc import Collection, Iterable

from candle_ingest.errors.symbols import SymbolUnknownError
from candle_ingest.near_names import did_you_mean
from candle_ingest.store.bucket import InfluxBucket

_STORED_PAIRS = """
import "influxdata/influxdb/schema"
schema.tagValues(
  bucket: bucket,
  tag: "currency_pair",
  predicate: (r) => r._measurement == "exchange_candles" or r._measurement == "merge_days",
  start: 0,
)
"""


def stored_pairs(bucket: InfluxBucket) -> set[str]:
    """Return the pairs with stored candles or merged days."""
    return {row["_value"] for row in bucket.query(_STORED_PAIRS)}


def check_known(bucket: InfluxBucket, pairs: Collection[str], listed: Iterable[str]) -> None:
    """Raise SymbolUnknownError, naming similar pairs, if one of `pairs` is neither in `listed` nor stored."""
    known = {*listed}
    if known.issuperset(pairs):
        return
    known |= stored_pairs(bucket)
    for pair in pairs:
        if pair not in known:
            hint = did_you_mean(pair, known) or "; `candle-ingest status` shows the listed symbols"
            raise SymbolUnknownError(f"{pair} is neither listed in Redis nor stored{hint}")
