"""Merge a day of a pair, or a part of it, into candles and the merged day's record: pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.merge import MergedCandles, merge_minutes
from candle_ingest.candles.quality import Quality
from candle_ingest.candles.quality_codes import QualityCounts, count_codes, quality_codes
from candle_ingest.candles.window import Window
from candle_ingest.ledger.day_record import DayRecord, RecordState
from candle_ingest.ledger.merge_method_text import merge_method_text
from candle_ingest.ledger.merged_day import NOT_MERGED, WITH_CANDLE, WITHOUT_CANDLE, MergedDay, worst_state
from candle_ingest.ledger.minute_state import CoverageCounts
from candle_ingest.merging.day_rates import PairRates
from candle_ingest.merging.verdict import MergeRule, Records, mergeable, waiting_stretches
from candle_ingest.settings import PipelineSettings


def merge_rule(settings: PipelineSettings) -> MergeRule:
    """Return the rule for when a slot is merged."""
    return MergeRule(
        minimum=settings.min_exchanges_required,
        merges_without_unobtainable=settings.unobtainable == "merge",
    )


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """The merged candles of the windows that were merged, their quality, and the record of the day after the merge.

    `vanished` are the times that had a merged candle before and have none now, `vanished_quality` those that had a
    quality. `counts` is the quality of what was merged now.
    """

    candles: MergedCandles
    quality: Quality
    day: MergedDay
    vanished: list[Window]
    vanished_quality: list[Window]
    counts: QualityCounts

    @property
    def without_candle_ms(self) -> NDArray[np.int64]:
        """Return the times, in ms, at which no exchange with a candle could be used."""
        return np.setdiff1d(self.quality.open_time_ms, self.candles.candles.open_time_ms, assume_unique=True)


def windows_to_merge(
    day: MergedDay,
    records: Records,
    settings: PipelineSettings,
    forced: Sequence[Window] = (),
    lost: Sequence[Window] = (),
) -> list[Window]:
    """Return the parts of the day that can be merged and whose merge is not up to date.

    These are the slots whose answers changed, those never merged, and `forced` ones; the whole day if it was merged by
    another method. Slots that were merged from candles that are now `lost` stay as they are until these are answered
    again.
    """
    can_merge = mergeable(records, len(day.marks), merge_rule(settings))
    wanted = day.mark_array == NOT_MERGED
    if day.method not in ("", merge_method_text(settings)):
        wanted = np.ones(len(day.marks), dtype=np.bool_)
    unmerged = (window for record in records.values() if record for window in record.unmerged())
    changed = day.slots_in([*unmerged, *forced])
    # What is already merged follows the newest answers, even if an exchange's answer has become unusable since then.
    stored = changed & (day.mark_array != NOT_MERGED)
    kept = day.slots_in(lost) & (day.mark_array != NOT_MERGED)
    return day.windows_where(((wanted | changed) & can_merge | stored) & ~kept)


def merge_day(
    day: MergedDay,
    records: Records,
    candles: Mapping[str, Candles],
    windows: Sequence[Window],
    settings: PipelineSettings,
    rates: PairRates,
) -> Merged:
    """Merge `windows` of the day from the exchanges' `candles`; return the candles and the day's new record.

    `records` has an entry for every exchange in the settings, None if it was not asked. A candle counts only if its
    exchange's record has it too: one that a running fetch has written but not recorded yet is left to a later merge.
    """
    parts = {name: _recorded(own, records.get(name), windows) for name, own in candles.items()}
    merged, quality = merge_minutes(parts, rates.conversion, settings.merge_method)
    codes = quality_codes(merged, quality, rates.conversion.quote)
    after = _counted(_marked(day, windows, merged, quality, codes), records)
    can_merge = mergeable(records, len(after.marks), merge_rule(settings))
    after = replace(
        after,
        method=merge_method_text(settings),
        rates_version=rates.version,
        waiting=waiting_stretches(after, records, can_merge),
        state=_state(after, records, settings, rates),
    )
    vanished = day.windows_where((day.mark_array == WITH_CANDLE) & (after.mark_array != WITH_CANDLE))
    vanished_quality = day.windows_where((day.quality_array > 0) & (after.quality_array == 0))
    return Merged(merged, quality, after, vanished, vanished_quality, count_codes(codes))


def not_final(merged: Merged) -> Merged:
    """Return the merge with a day that is at most provisional: the pipeline's exchanges have yet to be merged."""
    state = worst_state([merged.day.state, RecordState.PROVISIONAL])
    return replace(merged, day=replace(merged.day, state=state))


def _marked(
    day: MergedDay, windows: Sequence[Window], merged: MergedCandles, quality: Quality, codes: NDArray[np.uint8]
) -> MergedDay:
    """Return the day with the marks and quality codes of what was merged in `windows`."""
    marks, qualities = day.mark_array.copy(), day.quality_array.copy()
    for window in windows:
        marks[day.place(window)] = WITHOUT_CANDLE
        qualities[day.place(window)] = 0
    marks[(merged.candles.open_time_ms - day.day_ms) // day.slot_ms] = WITH_CANDLE
    qualities[(quality.open_time_ms - day.day_ms) // day.slot_ms] = codes
    return replace(day, marks=marks.tobytes(), qualities=qualities.tobytes())


def _counted(day: MergedDay, records: Records) -> MergedDay:
    """Return the day with the version and the counts of its exchanges' records."""
    known = [record for record in records.values() if record]
    return replace(
        day,
        version=max((record.answered_version for record in known), default=day.version),
        counts=sum((_counts(record, len(day.marks)) for record in records.values()), CoverageCounts()),
        unconfirmed=sum(record.unconfirmed_slots for record in known),
        exchanges=len(records),
    )


def _counts(record: DayRecord | None, slots: int) -> CoverageCounts:
    return record.counts() if record else CoverageCounts(expected=slots, not_asked=slots)


def _state(day: MergedDay, records: Records, settings: PipelineSettings, rates: PairRates) -> RecordState:
    """Return the state of the day: final if every exchange and rate market is, and every slot is merged."""
    states = [record.state if record else RecordState.OPEN for record in records.values()]
    if settings.unobtainable == "merge":
        states = [RecordState.FINAL if state == RecordState.UNOBTAINABLE else state for state in states]
    found = worst_state([*states, *rates.states])
    if found == RecordState.FINAL and (day.mark_array == NOT_MERGED).any():
        return RecordState.OPEN
    return found


def _recorded(candles: Candles, record: DayRecord | None, windows: Sequence[Window]) -> Candles:
    """Return the candles within the windows that the record has as well."""
    if record is None or not len(candles):
        return candles.select(slice(0, 0))
    chosen = record.slots_in(windows) & (record.mark_array > 0)
    places, beside_grid = np.divmod(candles.open_time_ms - record.day_ms, record.slot_ms)
    inside = (beside_grid == 0) & (places >= 0) & (places < len(chosen))
    return candles.select(inside & chosen[np.clip(places, 0, len(chosen) - 1)])
