"""Write the answers of one exchange, many pairs at a time: the candles, then the records."""

import logging
import time
from collections.abc import Mapping, Sequence

import numpy as np

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.row_checks import in_words
from candle_ingest.candles.window import Window, format_ms, union
from candle_ingest.errors.ledger import UnreadableRecordError
from candle_ingest.errors.servers import StoredCandlesError
from candle_ingest.fetching.pair_answer import PairAnswer
from candle_ingest.ledger.day_record import NO_CANDLE, DayRecord
from candle_ingest.ledger.fetch_attempts import FetchAttempt, record_attempts
from candle_ingest.ledger.look import Look
from candle_ingest.ledger.pinned_markets import PinnedMarkets
from candle_ingest.ledger.record_keeper import RecordKeeper
from candle_ingest.planning.request_planner import closing_rule
from candle_ingest.planning.run import Run
from candle_ingest.plurals import counted
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore
from candle_ingest.store.candles_of_pairs import CandlesOfPairs

logger = logging.getLogger(__name__)
FLUSH_CANDLES = 10_000
FLUSH_PAIRS = 50
Days = Mapping[int, DayRecord]


class AnswerWriter:
    """Collects answers and writes them in batches. `flush` writes the rest; call it after an error too.

    Candles are written before the record that refers to them. A task that is killed in between leaves candles that the
    next one writes again, never a record without candles.
    """

    def __init__(self, run: Run, exchange: str, bucket: InfluxBucket, keeper: RecordKeeper, pins: PinnedMarkets):
        self._run = run
        self._exchange = exchange
        self._bucket = bucket
        self._store = CandleStore(bucket)
        self._keeper = keeper
        self._pins = pins
        self._rule = closing_rule(run.settings, exchange)
        self._waiting: list[tuple[PairAnswer, Days]] = []
        self._candle_count = 0

    def add(self, answer: PairAnswer, days: Days) -> None:
        """Add an answer; `days` are the records of the pair as they were when the fetch was planned."""
        self._waiting.append((answer, days))
        self._candle_count += len(answer.candles)
        if self._candle_count >= FLUSH_CANDLES or len(self._waiting) >= FLUSH_PAIRS:
            self.flush()

    def flush(self) -> None:
        """Write the collected answers."""
        waiting, self._waiting, self._candle_count = self._waiting, [], 0
        if not waiting:
            return
        for answer, _ in waiting:
            self._log_corrections(answer)
        changed = self._write_candles(waiting)
        self._pins.pin(self._exchange, {a.currency_pair: a.market for a, _ in waiting if len(a.candles)})
        looks = {
            answer.currency_pair: list(answer.looks(self._rule, changed[answer.currency_pair], self._run.recorder))
            for answer, _ in waiting
        }
        self._record(looks, [answer for answer, _ in waiting])
        record_attempts(self._bucket, [self._attempt(answer) for answer, _ in waiting], self._run.recorder)

    def _record(self, looks: Mapping[str, Sequence[Look]], answers: Sequence[PairAnswer]) -> None:
        """Fold the looks into the records; an unreadable record fails only the answer of its pair."""
        try:
            self._keeper.apply(self._exchange, looks)
        except UnreadableRecordError as error:
            logger.error("%s", error)
            for answer in answers:
                if answer.currency_pair in error.pairs:
                    answer.unreadable = error

    def _write_candles(self, waiting: Sequence[tuple[PairAnswer, Days]]) -> dict[str, list[Window]]:
        """Write the candles; return, by pair, the windows of those that were stored with other values before."""
        known = {answer.currency_pair: _present_among(answer.candles, days) for answer, days in waiting}
        stored = CandlesOfPairs(self._bucket, {p: [w] if w else [] for p, w in known.items()}, [self._exchange])
        changed = {answer.currency_pair: self._changed(answer, stored) for answer, _ in waiting}
        found = [(answer.currency_pair, answer.market, answer.candles) for answer, _ in waiting if len(answer.candles)]
        self._store.write_candles_of(self._exchange, found)
        return changed

    def _changed(self, answer: PairAnswer, stored: CandlesOfPairs) -> list[Window]:
        try:
            own = stored.of(answer.currency_pair, [self._exchange])
        except StoredCandlesError as error:
            # They cannot be compared. The merge fails for this pair and names it; no other pair is held back.
            logger.error("%s", error)
            return list(answer.wanted)
        changed = changed_windows(own[self._exchange], answer.candles, answer.slot_ms) if own else []
        if changed:
            logger.info(
                "%s @ %s: %s with other values than stored, the first in %s", answer.currency_pair, self._exchange,
                counted(sum(w.slots(answer.slot_ms) for w in changed), "candle"), changed[0],
            )  # fmt: skip
        return changed

    def _log_corrections(self, answer: PairAnswer) -> None:
        if answer.corrections:
            logger.warning(
                "%s @ %s, %s to %s: rows corrected: %s",
                answer.currency_pair, self._exchange, format_ms(answer.wanted[0].start_ms),
                format_ms(answer.wanted[-1].end_ms), in_words(answer.corrections),
            )  # fmt: skip

    def _attempt(self, answer: PairAnswer) -> FetchAttempt:
        errors = [str(error) for error in (answer.error, answer.unreadable) if error]
        reasons = errors or [found.reason for found in answer.failed()]
        asked = sum(window.slots(answer.slot_ms) for window in answer.wanted)
        return FetchAttempt(
            currency_pair=answer.currency_pair,
            exchange=self._exchange,
            window=Window(answer.wanted[0].start_ms, answer.wanted[-1].end_ms),
            expected=asked,
            asked=asked,
            candles=len(answer.candles),
            calls=answer.calls,
            duration_ms=answer.duration_ms,
            try_number=self._run.try_number,
            reason=reasons[0] if reasons else "",
            corrections=in_words(answer.corrections),
            ended_ns=time.time_ns(),
        )


def _present_among(candles: Candles, days: Days) -> Window | None:
    """Return the span of those candles that the records have as present; None if there are none."""
    times_ms = candles.open_time_ms
    parts = []
    for day_ms, record in days.items():
        first, last = np.searchsorted(times_ms, [day_ms, record.window.end_ms])
        own = times_ms[first:last]
        present = own[record.mark_array[(own - day_ms) // record.slot_ms] > NO_CANDLE]
        if len(present):
            parts.append(Window(int(present[0]), int(present[-1]) + record.slot_ms))
    whole = union(parts)
    return Window(whole[0].start_ms, whole[-1].end_ms) if whole else None


def changed_windows(stored: Candles, answered: Candles, slot_ms: int) -> list[Window]:
    """Return the windows of the candles that are in both and differ in any column, also in optional ones."""
    _, old, new = np.intersect1d(stored.open_time_ms, answered.open_time_ms, assume_unique=True, return_indices=True)
    extras_before, extras_now = stored.extras[old], answered.extras[new]
    same_extras = (extras_before == extras_now) | (np.isnan(extras_before) & np.isnan(extras_now))
    differs = (stored.ohlcv[old] != answered.ohlcv[new]).any(axis=1) | ~same_extras.all(axis=1)
    times: Sequence[int] = answered.open_time_ms[new][differs].tolist()
    return union(Window(time_ms, time_ms + slot_ms) for time_ms in times)
