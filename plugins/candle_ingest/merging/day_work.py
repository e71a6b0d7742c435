"""The merge of one day of a pair, step by step, and its outcome."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.quality_codes import QualityCounts
from candle_ingest.candles.window import Window
from candle_ingest.errors import CandleIngestError
from candle_ingest.ledger.day_records import Key
from candle_ingest.ledger.lost_candles import find_lost
from candle_ingest.ledger.merged_day import MergedDay
from candle_ingest.ledger.minute_state import CoverageCounts
from candle_ingest.merging.day_rates import PairRates
from candle_ingest.merging.merge_day import Merged
from candle_ingest.merging.verdict import Records, left_out_exchanges

logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass
class DayOutcome:
    """The outcome of one day of a pair: the day after the merge, what was merged now, or why it failed.

    `accounted` counts the slots of its exchanges by state, up to the end of the run; `quality` counts what was merged
    now by grade and mark. `lost` are the keys of records with candles that are gone from the bucket: the day is not
    merged before these records are corrected.
    """

    pair: str
    day_ms: int
    day: MergedDay | None = None
    windows: list[Window] = field(default_factory=list)
    candle_count: int = 0
    accounted: CoverageCounts = field(default_factory=CoverageCounts)
    quality: QualityCounts = field(default_factory=QualityCounts)
    lost: set[Key] = field(default_factory=set)
    error: CandleIngestError | None = None

    @property
    def is_to_merge(self) -> bool:
        """Tell whether nothing prevents the merge."""
        return self.error is None and not self.lost


@dataclass
class DayWork:
    """The merge of one day of a pair, step by step."""

    outcome: DayOutcome
    day: MergedDay
    records: Records
    windows: list[Window] = field(default_factory=list)
    rates: PairRates = field(init=False)
    merged: Merged | None = None

    def account(self, until_ms: int) -> None:
        """Count the slots up to `until_ms`, over the exchanges that were asked."""
        so_far = Window(self.day.day_ms, max(self.day.day_ms, min(self.day.window.end_ms, until_ms)))
        counts = (record.counts(so_far) for record in self.records.values() if record)
        self.outcome.accounted = sum(counts, CoverageCounts())

    @property
    def pair(self) -> str:
        """Return the currency pair."""
        return self.outcome.pair

    def note_lost(self, candles: Mapping[str, Candles]) -> None:
        """Add the records with candles that are missing from the stored `candles` (by exchange) to the outcome."""
        for name, own in candles.items():
            record = self.records[name]
            if record and find_lost(record, self.windows, own.open_time_ms):
                self.outcome.lost.add((self.pair, name, self.day.day_ms))

    def finish(self) -> None:
        """Copy what was merged and written into the outcome."""
        if self.merged is None:
            return
        self.outcome.day, self.outcome.windows = self.merged.day, self.windows
        self.outcome.candle_count, self.outcome.quality = len(self.merged.candles), self.merged.counts
        if self.windows and (names := left_out_exchanges(self.records, self.windows)):
            logger.warning("%s is merged without %s, from %s on", self.pair, ", ".join(names), self.windows[0])


def guarded(works: Sequence[DayWork], do: Callable[[], T]) -> T | None:
    """Run `do`, record an error as that of these days, and return the result; None if it failed."""
    try:
        return do()
    except CandleIngestError as error:
        fail(works, error)
        return None


def fail(works: Sequence[DayWork], error: CandleIngestError) -> None:
    """Record the error in the outcomes of these days."""
    for work in works:
        logger.error("%s, %s: not merged: %s", work.pair, work.day.window, error)
        work.outcome.error = error
