"""Summarise a pipeline in one or two sentences."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from candle_ingest.candles.symbol import Symbol
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window, floor_ms
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.plurals import are_all, are_some, counted, inflected
from candle_ingest.reports.expected_coverage import ExpectedCoverage
from candle_ingest.reports.freshness import ON_TIME, UNLISTED, Freshness, SymbolFreshness, read_freshness
from candle_ingest.reports.largest_holes import DayHole, read_largest_holes
from candle_ingest.reports.merge_progress import MergeProgress, read_merge_progress
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket

LOOK_BACK_DAYS = 90
NO_PROGRESS = MergeProgress(0, 0)
MAX_NAMES, MAX_HOLES = 3, 5
# For one candle, and for several.
WORDS = {
    MinuteState.SILENT: ("looks like an outage", "look like an outage"),
    MinuteState.REJECTED: ("could not be trusted", "could not be trusted"),
    MinuteState.FAILED: ("failed", "failed"),
    MinuteState.NOT_ASKED: ("was not asked for", "were not asked for"),
    MinuteState.UNOBTAINABLE: ("is unobtainable", "are unobtainable"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How far all symbols are merged, which are behind, and the largest holes of the last LOOK_BACK_DAYS.

    `merged_until_ms` is up to where every symbol that is on time is merged; None if no symbol is on time. `unreadable`
    has an error for each pair with a record that cannot be read: its holes are missing. `merging` says how much has
    been merged again since the merge settings changed. `unlisted` are the pairs in Redis that are not fetched because
    too few exchanges list them; the other counts leave them out.
    """

    symbols: int
    behind: list[str]
    merged_until_ms: int | None
    holes: list[DayHole]
    never_fetched: bool
    now_ms: int
    merging: MergeProgress = NO_PROGRESS
    unreadable: dict[str, str] = field(default_factory=dict)
    unlisted: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """Return the summary in words; times are UTC."""
        if not self.symbols and not self.unlisted:
            return "No symbols are listed in Redis."
        known = [*map(self._hole, self.holes[:1]), self._unreadable(), self.merging.sentence]
        parts = [self._progress(), self._unlisted(), *([] if self.never_fetched else known)]
        return " ".join(filter(None, parts))

    def _unlisted(self) -> str:
        return f"Too few exchanges list {_shortened(self.unlisted)}." if self.unlisted else ""

    def _progress(self) -> str:
        if not self.symbols:
            return ""
        if self.never_fetched:
            return "Nothing is merged yet: unpause the DAGs, or wait until their first runs have ended."
        until = "" if self.merged_until_ms is None else f" to {_clock(self.merged_until_ms, self.now_ms)}"
        if not self.behind:
            return f"{are_all(self.symbols, 'symbol')} merged{until}."
        others = f"; the others are merged{until}" if until else ""
        return f"{are_some(len(self.behind), self.symbols, 'symbol')} behind ({_shortened(self.behind)}){others}."

    def _unreadable(self) -> str:
        if not self.unreadable:
            return ""
        return f"Records of {', '.join(sorted(self.unreadable))} cannot be read: what they hold is missing here."

    def _hole(self, hole: DayHole) -> str:
        day = datetime.fromtimestamp(hole.day_ms / 1000, UTC)
        words = inflected(hole.count, *WORDS[hole.state])
        candles = counted(hole.count, "candle")
        what = f"{candles} of {hole.exchange} for {hole.currency_pair} on {day:%-d %B} {words}"
        again = f"; next look at {_clock(hole.due_ms, self.now_ms)}" if hole.due_ms > self.now_ms else ""
        return f"{what}{again}."


def read_summary(
    bucket: InfluxBucket,
    settings: PipelineSettings,
    listed: Sequence[Symbol],
    now_ms: int,
    unlisted: Collection[str] = (),
) -> Summary:
    """Return the summary of the symbols that Redis lists; too few exchanges list the pairs `unlisted`."""
    freshness, today_ms = read_freshness(bucket, settings, listed, now_ms, unlisted), floor_ms(now_ms, DAY_MS)
    window = Window(today_ms - LOOK_BACK_DAYS * DAY_MS, today_ms + DAY_MS)
    pairs = [symbol.currency_pair for symbol in listed]
    fetched = [pair for pair in pairs if pair not in unlisted]
    largest = read_largest_holes(bucket, window, ExpectedCoverage.of(settings, now_ms), fetched, MAX_HOLES)
    holes = [hole for hole in largest.holes if not _is_before_history(hole, freshness)]
    found = summarize(freshness, pairs, holes, settings.timeframe.ms, now_ms)
    return replace(found, merging=read_merge_progress(bucket, settings, pairs), unreadable=largest.unreadable)


def _is_before_history(hole: DayHole, found: Freshness) -> bool:
    """Tell whether the minutes are no longer wanted: they belong to a longer history that was configured before."""
    return hole.state == MinuteState.NOT_ASKED and hole.day_ms < (found.history_start_ms or 0)


def summarize(
    found: Freshness, pairs: Sequence[str], holes: list[DayHole], slot_ms: int = MINUTE_MS, now_ms: int = 0
) -> Summary:
    """Return the summary of `pairs`, whose slots are `slot_ms` long."""
    wanted = [symbol for symbol in found.symbols if symbol.currency_pair in pairs]
    own = [symbol for symbol in wanted if symbol.is_fetched]
    on_time = [symbol for symbol in own if symbol.state == ON_TIME]
    return Summary(
        symbols=len(own),
        behind=[symbol.currency_pair for symbol in own if symbol.state != ON_TIME],
        merged_until_ms=min((_newest_ms(symbol) + slot_ms for symbol in on_time), default=None),
        holes=holes,
        never_fetched=bool(own) and all(symbol.lag_ms is None for symbol in own),
        now_ms=now_ms,
        unlisted=[symbol.currency_pair for symbol in wanted if symbol.state == UNLISTED],
    )


def _shortened(names: Sequence[str]) -> str:
    return ", ".join(names[:MAX_NAMES]) + (" and others" if len(names) > MAX_NAMES else "")


def _newest_ms(symbol: SymbolFreshness) -> int:
    return max(ms for ms in (symbol.catch_up_ms, symbol.backfill_ms) if ms is not None)


def _clock(time_ms: int, now_ms: int) -> str:
    """Return the time of day, with the date unless that is today."""
    time, now = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (time_ms, now_ms))
    return f"{time:%H:%M}" if time.date() == now.date() else f"{time:%-d %B %H:%M}"
