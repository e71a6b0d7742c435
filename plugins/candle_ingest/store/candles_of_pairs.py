"""Read the candles of many pairs at once: one query instead of one per pair and exchange."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.window import MINUTE_MS, Window, union
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_csv import Column, candles_from_columns
from candle_ingest.store.candle_store import EXCHANGE_CANDLES, OF_CANDLES, CandleStore, unreadable_candles
from candle_ingest.store.flux import flux_range, is_pair, keep, select, times_ms

# Above this many candles, one pair and exchange at a time takes less memory and no more time.
MOST_CANDLES = 20_000
# By pair and exchange, then by field: the times and the values of its points, as text.
Texts = dict[tuple[str, str], dict[str, tuple[list[str], list[str]]]]


class CandlesOfPairs:
    """The exchanges' own candles of those pairs whose windows are short enough to be read together."""

    def __init__(
        self, bucket: InfluxBucket, wanted: Mapping[str, Collection[Window]], exchanges: Sequence[str]
    ) -> None:
        self._store = CandleStore(bucket)
        self._spans = {pair: _span(windows) for pair, windows in wanted.items() if windows}
        whole = _span(self._spans.values()) if self._spans else None
        self._texts: Texts | None = None
        if whole and len(self._spans) > 1 and self._count(whole, exchanges) <= MOST_CANDLES:
            self._texts = _read(bucket, whole, sorted(self._spans), exchanges)

    def of(self, pair: str, exchanges: Sequence[str]) -> dict[str, Candles]:
        """Return the stored candles of a pair for each of `exchanges`, in its span and perhaps beyond.

        Raises StoredCandlesError if this pair's candles are not as this program writes them.
        """
        span = self._spans.get(pair)
        if span is None:
            return {}
        if self._texts is None:
            return self._store.read_exchange_candles(pair, exchanges, span)
        return {name: _candles(pair, name, span, self._texts.get((pair, name), {})) for name in exchanges}

    def _count(self, span: Window, exchanges: Sequence[str]) -> int:
        return span.slots(MINUTE_MS) * len(self._spans) * len(exchanges)


def _span(windows: Collection[Window]) -> Window:
    whole = union(windows)
    return Window(whole[0].start_ms, whole[-1].end_ms)


def _read(bucket: InfluxBucket, span: Window, pairs: Sequence[str], exchanges: Sequence[str]) -> Texts:
    of_exchange = f"({' or '.join(f'r.exchange == exchange{n}' for n in range(len(exchanges)))})"
    params = {f"exchange{n}": name for n, name in enumerate(exchanges)}
    texts: Texts = {}
    flux = select(EXCHANGE_CANDLES, is_pair(pairs), of_exchange, OF_CANDLES)
    flux += keep("_time", "_value", "_field", "currency_pair", "exchange")
    for row in bucket.query(flux, **params, **flux_range(span)):
        fields = texts.setdefault((row["currency_pair"], row["exchange"]), {})
        times, values = fields.setdefault(row["_field"], ([], []))
        times.append(row["_time"])
        values.append(row["_value"])
    return texts


def _candles(pair: str, exchange: str, span: Window, fields: Mapping[str, tuple[list[str], list[str]]]) -> Candles:
    try:
        return candles_from_columns({name: _column(*texts) for name, texts in fields.items()})
    except ValueError as error:
        raise unreadable_candles(pair, exchange, span, error) from None


def _column(times: list[str], values: list[str]) -> Column:
    known_ms = times_ms(times)
    order = np.argsort(known_ms, kind="stable")
    return known_ms[order], np.array([*map(float, values)])[order]
