"""Find what keeps a window of a pair from being complete: unmerged, lost, unsettled or not final."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from candle_ingest.candles.window import DAY_MS, Window, split_days, subtract, union
from candle_ingest.ledger.day_record import DayRecord, RecordState, new_day_record
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.merged_day import MergedDay
from candle_ingest.ledger.minute_state import RETRIED, MinuteState
from candle_ingest.plurals import counted
from candle_ingest.reports.lost_merges import lost_merges
from candle_ingest.reports.unlisted import unlisted_in_words
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket

MERGE, LOST, PROVISIONAL = "merge", "lost", "provisional"
UNSETTLED = (*RETRIED, MinuteState.NOT_ASKED, MinuteState.UNOBTAINABLE)


@dataclass(frozen=True, slots=True)
class OpenMinutes:
    """Windows of a pair that are not complete.

    `source` is an exchange without a settled answer, `merge` for what is not merged, `lost` for days whose merged
    candles are gone from the bucket, or `provisional` for days on which every minute is answered and merged but some
    exchange is not final.
    """

    currency_pair: str
    source: str
    windows: list[Window]
    reason: str = ""

    @property
    def is_provisional(self) -> bool:
        """Tell whether only a later look can change these minutes."""
        return self.source == PROVISIONAL

    def __str__(self) -> str:
        first, more = self.windows[0], len(self.windows) - 1
        kinds = {MERGE: "not merged", LOST: "merged candles are gone", PROVISIONAL: "provisional"}
        what = kinds.get(self.source, f"no settled answer of {self.source}")
        rest = f" and {counted(more, 'more window')}" if more else ""
        return f"{self.currency_pair}: {what} for {first}{rest}" + (f": {self.reason}" if self.reason else "")


def read_open_minutes(
    bucket: InfluxBucket, settings: PipelineSettings, currency_pair: str, window: Window
) -> list[OpenMinutes]:
    """Return what keeps `window` from being complete: missing merges, lost candles, open answers, provisional days.

    With `unobtainable: merge`, minutes that an exchange cannot deliver do not count.
    """
    records = DayRecords(bucket)
    merges = {day_ms: day for (_, day_ms), day in records.read_merges(window, [currency_pair]).items()}
    found = [_not_merged(currency_pair, window, merges), _lost(bucket, currency_pair, window, merges)]
    by_exchange: dict[str, dict[int, DayRecord]] = {name: {} for name in settings.exchange_ids}
    for (_, exchange, day_ms), record in records.read(window, [currency_pair]).items():
        by_exchange.get(exchange, {})[day_ms] = record
    found += [_unsettled(currency_pair, name, window, own, settings) for name, own in sorted(by_exchange.items())]
    found = [part for part in found if part.windows]
    return [*found, *_provisional(currency_pair, window, merges, found)]


def blame_listing(found: Iterable[OpenMinutes]) -> list[OpenMinutes]:
    """Return what is open of a pair that too few exchanges list: no exchange is to blame for what it was not asked."""
    return [
        replace(part, reason=part.reason or unlisted_in_words(part.currency_pair)) if part.source == MERGE else part
        for part in found
        if part.reason or part.source in (MERGE, LOST, PROVISIONAL)
    ]


def _not_merged(pair: str, window: Window, merges: Mapping[int, MergedDay]) -> OpenMinutes:
    holes = subtract(window, [part for day in merges.values() for part in day.merged_windows()])
    waiting = [part for day in merges.values() for part in day.waiting]
    reason = next((part.reason for hole in holes for part in waiting if part.window.intersection(hole)), "")
    return OpenMinutes(pair, MERGE, holes, reason)


def _lost(bucket: InfluxBucket, pair: str, window: Window, merges: Mapping[int, MergedDay]) -> OpenMinutes:
    lost = lost_merges(bucket, pair, window, merges.values())
    count = sum(number for _, number in lost)
    reason = f"{counted(count, 'candle')} in all; a backfill of these days with refetch merges them again"
    return OpenMinutes(pair, LOST, union(part for part, _ in lost), reason)


def _unsettled(
    pair: str, exchange: str, window: Window, records: Mapping[int, DayRecord], settings: PipelineSettings
) -> OpenMinutes:
    states = [s for s in UNSETTLED if s != MinuteState.UNOBTAINABLE or settings.unobtainable == "hold"]
    windows: list[Window] = []
    reason = ""
    for part in split_days(window):
        day_ms = part.start_ms - part.start_ms % DAY_MS
        record = records.get(day_ms) or new_day_record(pair, exchange, day_ms, settings.timeframe.ms)
        holes = [hole for found in record.windows_of(states) if (hole := found.intersection(part))]
        stretch = record.stretch_at(holes[0].start_ms) if holes else None
        reason = reason or (stretch.reason if stretch else "")
        windows += holes
    return OpenMinutes(pair, exchange, union(windows), reason)


def _provisional(
    pair: str, window: Window, merges: Mapping[int, MergedDay], found: Iterable[OpenMinutes]
) -> list[OpenMinutes]:
    final = [day.window for day in merges.values() if day.state == RecordState.FINAL]
    told = [part for one in found for part in one.windows]
    windows = subtract(window, [*final, *told])
    return [OpenMinutes(pair, PROVISIONAL, windows)] if windows else []
