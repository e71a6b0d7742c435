"""Check whether the pipeline knows a pair: listed in Redis, or stored."""

import difflib
from collections.abc import Iterable, Sequence

from candle_ingest.errors.symbols import SymbolUnknownError
from candle_ingest.store.bucket import InfluxBucket

MOST_NEAR = 3
# The similarity of ETH/USD and EHT/USD.
LEAST_LIKENESS = 0.6
_STORED_PAIRS = """
import "influxdata/influxdb/schema"
schema.tagValues(
  bucket: bucket, tag: "currency_pair", predicate: (r) => r._measurement == "exchange_candles", start: 0
)
"""


def check_known(bucket: InfluxBucket, currency_pair: str, listed: Iterable[str]) -> None:
    """Raise SymbolUnknownError, naming similar pairs, if the pair is neither in `listed` nor stored."""
    known = {*listed}
    if currency_pair in known:
        return
    known |= {row["_value"] for row in bucket.query(_STORED_PAIRS)}
    if currency_pair not in known:
        raise SymbolUnknownError(f"{currency_pair} is neither listed in Redis nor stored{_hint(currency_pair, known)}")


def near_pairs(currency_pair: str, known: Iterable[str]) -> Sequence[str]:
    """Return the known pairs that are most similar."""
    return difflib.get_close_matches(currency_pair, sorted(known), MOST_NEAR, LEAST_LIKENESS)


def _hint(currency_pair: str, known: Iterable[str]) -> str:
    near = near_pairs(currency_pair, known)
    return f"; did you mean {' or '.join(near)}?" if near else "; `candle-ingest status` lists what there is"
