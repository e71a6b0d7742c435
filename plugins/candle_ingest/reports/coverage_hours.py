"""One day of one pair: exchanges × hours, and the reason for each hole."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import MINUTE_MS, Window, floor_ms, subtract, union
from candle_ingest.ledger.coverage import ANSWERED, OPEN, Account, Entry, account, settled_windows
from candle_ingest.ledger.ledger_records import LedgerRecord, read_ledger_records
from candle_ingest.ledger.merge_ledger import MergeLedger
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, times_ms

HOUR_MS = 60 * MINUTE_MS
# Windows of days end in whole hours, whatever the length of a candle.
_COUNT = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "exchange_candles" and r._field == "close")
  |> filter(fn: (r) => r.currency_pair == currency_pair)
  |> aggregateWindow(every: 1h, fn: count, createEmpty: false, timeSrc: "_start")
  |> keep(columns: ["_time", "_value", "exchange"])
"""
Counts = Mapping[tuple[str, int], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """What the ledger says of one exchange for the same reason, at one time or several.

    `is_open` says whether some of it still has no settled answer; `record` is the newest one of `count`.
    """

    windows: list[Window]
    is_open: bool
    tries: int
    count: int
    record: LedgerRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageHours:
    """A day of a pair: `accounts` has one sum for each of `hours`, which may be longer than an hour.

    `merges` tells which exchanges each part of the day was merged from.
    """

    hours: list[Window]
    accounts: dict[str, list[Account]]
    holes: list[Hole]
    merges: list[tuple[list[str], list[Window]]]


def read_coverage_hours(
    bucket: InfluxBucket, currency_pair: str, day: Window, timeframe: Timeframe, exchanges: Iterable[str]
) -> CoverageHours:
    """Return the accounts of `day`, of all exchanges that were asked and those of the pipeline."""
    records = [r for r in read_ledger_records(bucket, currency_pair, day) if r.entry.window.intersection(day)]
    entries = [record.entry for record in records]
    step_ms = max(HOUR_MS, timeframe.ms)
    hours = [Window(start_ms, start_ms + step_ms) for start_ms in range(day.start_ms, day.end_ms, step_ms)]
    counts = _read_counts(bucket, currency_pair, day, step_ms)
    names = sorted({*exchanges, *(entry.exchange for entry in entries)})
    span = _span(entries, day)
    return CoverageHours(
        hours=hours,
        accounts={name: _accounts(name, entries, hours, span, timeframe, counts) for name in names},
        holes=find_holes(records),
        merges=_merges(bucket, currency_pair, day, timeframe),
    )


def find_holes(records: Sequence[LedgerRecord]) -> list[Hole]:
    """Return what was not simply answered: what is still open first, then by time. `records` are those of one pair."""
    alike: dict[tuple[object, ...], list[LedgerRecord]] = defaultdict(list)
    for record in records:
        entry = record.entry
        if entry.status != ANSWERED:
            is_open = _is_open(entry, records)
            alike[is_open, entry.exchange, entry.status, entry.reason, entry.outcome].append(record)
    holes = [_hole(bool(key[0]), same) for key, same in alike.items()]
    return sorted(holes, key=lambda hole: (not hole.is_open, hole.windows[0], hole.record.entry.exchange))


def _is_open(entry: Entry, records: Iterable[LedgerRecord]) -> bool:
    if entry.status not in OPEN or entry.outcome:
        return False
    if entry.is_suspicion:
        return True
    own = [record.entry for record in records if record.entry.exchange == entry.exchange]
    return bool(subtract(entry.window, settled_windows(own)))


def _hole(is_open: bool, records: Sequence[LedgerRecord]) -> Hole:
    newest = max(records, key=lambda record: record.entry.recorded_at_ms)
    return Hole(
        windows=union(record.entry.window for record in records),
        is_open=is_open,
        tries=max(record.entry.tries for record in records),
        count=len(records),
        record=newest,
    )


def _read_counts(bucket: InfluxBucket, currency_pair: str, day: Window, step_ms: int) -> Counts:
    rows = bucket.query(_COUNT, currency_pair=currency_pair, **flux_range(day))
    counts: dict[tuple[str, int], int] = defaultdict(int)
    for row, time_ms in zip(rows, times_ms(row["_time"] for row in rows).tolist(), strict=True):
        counts[row["exchange"], floor_ms(time_ms, step_ms)] += int(row["_value"])
    return counts


def _accounts(
    exchange: str,
    entries: Iterable[Entry],
    hours: Iterable[Window],
    span: Window,
    timeframe: Timeframe,
    counts: Counts,
) -> list[Account]:
    own = [entry for entry in entries if entry.exchange == exchange]
    return [
        account(own, hour.intersection(span), timeframe.ms, counts.get((exchange, hour.start_ms), 0)) for hour in hours
    ]


def _span(entries: Sequence[Entry], day: Window) -> Window:
    """From the first to the last minute that any exchange was asked for, as the daily sums count."""
    if not entries:
        return Window(day.start_ms, day.start_ms)
    windows = [entry.window for entry in entries]
    return Window(min(w.start_ms for w in windows), max(w.end_ms for w in windows)).intersection(day)


def _merges(
    bucket: InfluxBucket, currency_pair: str, day: Window, timeframe: Timeframe
) -> list[tuple[list[str], list[Window]]]:
    """By exchanges; where a part was merged again, the last merge counts."""
    left = [day]
    found: dict[tuple[str, ...], list[Window]] = defaultdict(list)
    merges = MergeLedger(bucket, timeframe.ms).merges(day, currency_pair)
    for merge in sorted(merges, key=lambda merge: -merge.recorded_at_ms):
        found[tuple(sorted(merge.exchanges))] += [w for part in left if (w := part.intersection(merge.window))]
        left = [rest for part in left for rest in subtract(part, [merge.window])]
    return [(list(names), union(windows)) for names, windows in found.items() if union(windows)]
