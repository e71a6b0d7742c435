"""Find where catch-up begins with a pair that has no recent record."""

from collections.abc import Mapping

from candle_ingest.candles.window import DAY_MS
from candle_ingest.errors.servers import BucketMissingError
from candle_ingest.ledger.watermarks import BACKFILL, CATCH_UP, Watermarks, watermarks_by_pair
from candle_ingest.planning.run import Run
from candle_ingest.store.bucket import InfluxBucket


class CatchUpStart:
    """Reads the watermarks when the first pair needs them.

    `first_ms` says where to begin with rate pairs without a watermark: where the pairs that they convert begin.
    """

    def __init__(self, run: Run, bucket: InfluxBucket, first_ms: Mapping[str, int] | None = None) -> None:
        self._run = run
        self._bucket = bucket
        self._first_ms = first_ms or {}
        self._known: Mapping[tuple[str, str], int] | None = None

    def of(self, pair: str) -> int:
        """Return the open time in ms of the first candle to request.

        That is the one after catch-up's own watermark, under any ticker of the pair. Without one, it is the time in
        `first_ms`; without that, the candle after backfill's watermark if that is at most `catch_up_initial_days` old;
        and otherwise the candle that many days back.
        """
        run, known = self._run, self._watermarks()
        initial_ms = run.timeframe.floor_ms(run.wanted_end_ms - run.settings.catch_up_initial_days * DAY_MS)
        own_ms, of_backfill_ms = (known.get((pair, kind)) for kind in (CATCH_UP, BACKFILL))
        if own_ms is not None:
            return own_ms + run.timeframe.ms
        if pair in self._first_ms:
            return self._first_ms[pair]
        if of_backfill_ms is not None and of_backfill_ms >= initial_ms:
            return of_backfill_ms + run.timeframe.ms
        return max(0, initial_ms)

    def _watermarks(self) -> Mapping[tuple[str, str], int]:
        if self._known is None:
            try:
                self._known = watermarks_by_pair(Watermarks(self._bucket).read().items())
            except BucketMissingError:
                self._known = {}
        return self._known
