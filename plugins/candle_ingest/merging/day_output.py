"""Write merged days: first the candles and their quality, then the records that refer to them."""

from collections.abc import Iterable, Mapping, Sequence

from candle_ingest.ledger.day_record import DayRecord, RecordState
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.merged_day import MergedDay
from candle_ingest.ledger.work_index import WorkIndex
from candle_ingest.merging.day_work import DayOutcome, DayWork
from candle_ingest.merging.merge_day import Merged
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore
from candle_ingest.store.quality_store import QualityStore


class DayOutput:
    """Writes merged days to one bucket."""

    def __init__(self, bucket: InfluxBucket, index: WorkIndex) -> None:
        self._store = CandleStore(bucket)
        self._quality = QualityStore(bucket)
        self._records = DayRecords(bucket)
        self._index = index

    def write(self, works: Sequence[DayWork]) -> None:
        """Write the merged candles and their quality, then finish the outcomes."""
        changed = {work.pair: work.merged for work in works if work.merged and work.windows}
        self._delete_vanished(changed)
        self._store.write_merged({pair: merged.candles for pair, merged in changed.items()})
        self._quality.write({pair: merged.quality for pair, merged in changed.items()})
        for work in works:
            work.finish()

    def _delete_vanished(self, changed: Mapping[str, Merged]) -> None:
        """Delete what is no longer merged.

        A merge that was killed may have stored candles that the record of the merged day does not have, so candles are
        also deleted at every time without one.
        """
        for pair, merged in changed.items():
            self._store.delete_merged(pair, merged.vanished)
            self._quality.delete(pair, merged.vanished_quality)
        self._store.delete_merged_at({pair: merged.without_candle_ms for pair, merged in changed.items()})

    def record(self, outcomes: Sequence[DayOutcome], records: Iterable[DayRecord]) -> None:
        """Write the merged days, then, for each record, the version of the newest answer that is merged.

        That is the newest answer that was read: one that arrives while this merge runs has a larger version, and the
        next merge includes it.
        """
        done = {outcome.pair: outcome for outcome in outcomes if outcome.day is not None}
        final = [(o.pair, o.day_ms) for o in done.values() if o.day and _is_to_announce(o.day)]
        self._index.note_unannounced(final)
        self._records.write_merges(outcome.day for outcome in done.values() if outcome.day)
        # Repeated: in between, another run may have seen that the day was not final yet, and removed it.
        self._index.note_unannounced(final)
        self._records.write_merged_versions(
            (record, record.answered_version)
            for record in records
            if record.currency_pair in done and record.merged_version < record.answered_version
        )


def _is_to_announce(day: MergedDay) -> bool:
    return day.state == RecordState.FINAL and not day.announced
