"""Read the candles of many pairs at once: one query instead of one per pair and exchange."""

from collections.abc import Collection, Mapping, Sequence

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.window import MINUTE_MS, Window, union
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_csv import EXCHANGE, FIELD, PAIR, Column, candles_from_columns, read_series
from candle_ingest.store.candle_store import EXCHANGE_CANDLES, IS_CANDLE_FIELD, CandleStore, unreadable_candles
from candle_ingest.store.flux import flux_range, is_pair, keep, select

# Above this many candles, one pair and exchange at a time takes less memory and no more time.
MAX_CANDLES = 20_000
# The points of each field by pair and exchange.
Series = dict[tuple[str, str], dict[str, Column]]


class CandlesOfPairs:
    """The exchanges' own candles of those pairs whose windows are short enough to be read together."""

    def __init__(
        self, bucket: InfluxBucket, wanted: Mapping[str, Collection[Window]], exchanges: Sequence[str]
    ) -> None:
        self._store = CandleStore(bucket)
        self._spans = {pair: _span(windows) for pair, windows in wanted.items() if windows}
        whole = _span(self._spans.values()) if self._spans else None
        self._series: Series | None = None
        if whole and len(self._spans) > 1 and self._count(whole, exchanges) <= MAX_CANDLES:
            self._series = _read(bucket, whole, sorted(self._spans), exchanges)

    def of(self, pair: str, exchanges: Sequence[str]) -> dict[str, Candles]:
        """Return the stored candles of a pair for each of `exchanges`, in its span and perhaps beyond.

        Raises StoredCandlesError if this pair's candles cannot be read.
        """
        span = self._spans.get(pair)
        if span is None:
            return {}
        if self._series is None:
            return self._store.read_exchange_candles(pair, exchanges, span)
        return {name: _candles(pair, name, span, self._series.get((pair, name), {})) for name in exchanges}

    def _count(self, span: Window, exchanges: Sequence[str]) -> int:
        return span.slots(MINUTE_MS) * len(self._spans) * len(exchanges)


def _span(windows: Collection[Window]) -> Window:
    whole = union(windows)
    return Window(whole[0].start_ms, whole[-1].end_ms)


def _read(bucket: InfluxBucket, span: Window, pairs: Sequence[str], exchanges: Sequence[str]) -> Series | None:
    """Return the points of all; None if a value is not a number, so that each pair is read, and can fail, by itself."""
    exchange_condition = f"({' or '.join(f'r.exchange == exchange{n}' for n in range(len(exchanges)))})"
    params = {f"exchange{n}": name for n, name in enumerate(exchanges)}
    flux = select(EXCHANGE_CANDLES, is_pair(pairs), exchange_condition, IS_CANDLE_FIELD)
    flux += keep("_time", "_value", FIELD, PAIR, EXCHANGE)
    try:
        return read_series(bucket.query_csv(flux, **params, **flux_range(span)))
    except ValueError:
        return None


def _candles(pair: str, exchange: str, span: Window, columns: Mapping[str, Column]) -> Candles:
    try:
        return candles_from_columns(columns)
    except ValueError as error:
        raise unreadable_candles(pair, exchange, span, error) from None
