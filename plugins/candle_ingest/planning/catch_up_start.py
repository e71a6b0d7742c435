"""Find where catch-up begins with a pair that has no recent record."""

from collections.abc import Callable, Mapping

from candle_ingest.candles.window import DAY_MS, Window, floor_ms
from candle_ingest.errors.servers import BucketMissingError
from candle_ingest.ledger.day_records import DayRecords
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

    def on(self, exchange: str) -> Callable[[str], int]:
        """Return the function that returns where to begin with a pair on this exchange.

        Days since catch-up's watermark of which everything was requested are left out: a hole in one of them is left to
        repair, and would otherwise be requested with all that follows it.
        """
        return lambda pair: self._first_unasked_ms(pair, exchange, self.of(pair))

    def _first_unasked_ms(self, pair: str, exchange: str, start_ms: int) -> int:
        end_ms = self._run.fetch_end_ms
        # Without a watermark there is nothing to go back to; one that is recent needs no query to be cheap.
        if (pair, CATCH_UP) not in self._watermarks() or end_ms - start_ms < 2 * DAY_MS:
            return start_ms
        days, _ = DayRecords(self._bucket).summaries(Window(start_ms, end_ms), {pair}, exchange)
        asked, day_ms = {day.day_ms for day in days if not day.counts.not_asked}, floor_ms(start_ms, DAY_MS)
        while day_ms in asked:
            day_ms += DAY_MS
        return max(start_ms, day_ms)

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
