"""The coverage ledger in InfluxDB: what each exchange answered for, what stays open and why.

`fetch_coverage`: tags `currency_pair`, `exchange`, `status` (answered, not_listed, suspected, rejected, failed);
fields `end_ms`, `expected`, `recorded_at_ms`, `calls`, `dag_id`, `run_id`, `map_index`, and by status `present`,
`quiet`, `market` (answered), `reason`, `tries` (not answered), `outcome` (a suspicion that ended).

A point stands for the window from its time to `end_ms`; windows are cut at midnight UTC. The nanoseconds of
the time hold the number of candles that the window has room for: windows of different length never
overwrite each other, and the same window recorded twice is one point. So any number of tasks may write
at once, and nothing that was answered for is ever taken back.
"""

import time
from collections.abc import Collection, Iterable
from typing import Any

from influxdb_client import Point

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.window import NS_PER_MS, Window, split_days, subtract, union
from candle_ingest.ledger.coverage import ANSWERED, CONFIRMED, NOT_LISTED, OPEN, REPAIRED, SUSPECTED, Entry
from candle_ingest.ledger.task_instance_ref import TaskInstanceRef
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, from_midnight

MEASUREMENT = "fetch_coverage"
LONGEST_REASON = 1000
ALL_TIME = Window(0, 4_102_444_800_000)
_READ = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "fetch_coverage" and r.currency_pair == currency_pair%s)
  |> filter(fn: (r) => r._field == "end_ms" or r._field == "recorded_at_ms" or r._field == "tries"
       or r._field == "outcome" or r._field == "reason")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> map(fn: (r) => ({r with time_ns: int(v: r._time)}))
"""
_OF_EXCHANGE = " and r.exchange == exchange"
_UNSETTLED = ' and r.status != "answered" and r.status != "not_listed"'


class CoverageLedger:
    """Records and recalls what exchanges answered, for candles of one length."""

    def __init__(self, bucket: InfluxBucket, bar_ms: int, recorder: TaskInstanceRef | None = None) -> None:
        self._bucket = bucket
        self._bar_ms = bar_ms
        self._recorder = recorder or TaskInstanceRef()

    def record_answered(
        self, currency_pair: str, exchange: str, market: str, window: Window, candles: Candles, calls: int = 0
    ) -> None:
        """Record that the whole window is answered: a time without a candle is one that nobody traded."""
        points = []
        for part in split_days(window):
            present = len(candles.between(part.start_ms, part.end_ms))
            point = self._point(currency_pair, exchange, part, ANSWERED).field("market", market).field("calls", calls)
            points.append(point.field("present", present).field("quiet", part.slots(self._bar_ms) - present))
        self._bucket.write_points(points)

    def record_not_listed(self, currency_pair: str, exchange: str, window: Window, reason: str) -> None:
        """Record that the market is younger than the window."""
        self._record(currency_pair, exchange, [window], NOT_LISTED, reason)

    def record_suspected(self, currency_pair: str, exchange: str, windows: Iterable[Window], reason: str) -> None:
        """Record that the exchange answered with nothing, which is hard to believe."""
        self._record(currency_pair, exchange, windows, SUSPECTED, reason)

    def record_open(
        self, currency_pair: str, exchange: str, windows: Iterable[Window], status: str, reason: str, calls: int = 0
    ) -> None:
        """Record times without a usable answer yet, and why; what was settled before is left out."""
        wanted = union(windows)
        if not wanted:
            return
        known = self.entries(_around(wanted), currency_pair, exchange)
        settled = [entry.window for entry in known if entry.status not in OPEN]
        tries = 1 + max((e.tries for e in known if e.status == status), default=0)
        missing = [part for window in wanted for part in subtract(window, settled)]
        self._record(currency_pair, exchange, missing, status, reason, tries=tries, calls=calls)

    def settle_suspicion(self, entry: Entry, traded_ms: Collection[int]) -> str:
        """Note and return how a suspicion ended once the exchange was asked a second time.

        `traded_ms` holds the open times of the candles with volume in the second answer.
        """
        window = entry.window
        traded = any(window.start_ms <= time_ms < window.end_ms for time_ms in traded_ms)
        outcome = REPAIRED if traded else CONFIRMED
        self._record(entry.currency_pair, entry.exchange, [window], SUSPECTED, entry.reason, outcome=outcome)
        return outcome

    def entries(self, window: Window, currency_pair: str, exchange: str | None = None) -> list[Entry]:
        """All entries of a pair that touch the days of `window`, of one exchange or of all."""
        condition = _OF_EXCHANGE if exchange else ""
        return self._read(condition, from_midnight(window), currency_pair, exchange or "")

    def unsettled(self, currency_pair: str) -> list[Entry]:
        """All entries of a pair that were ever open: few, and kept apart by their tag."""
        return self._read(_UNSETTLED, ALL_TIME, currency_pair)

    def _read(self, condition: str, window: Window, currency_pair: str, exchange: str = "") -> list[Entry]:
        params = {"currency_pair": currency_pair, "exchange": exchange, **flux_range(window)}
        rows = self._bucket.query(_READ % condition, **params)
        return [entry_of(row) for row in rows]

    def _record(
        self, currency_pair: str, exchange: str, windows: Iterable[Window], status: str, reason: str, **fields: Any
    ) -> None:
        points = []
        for part in (day for window in windows for day in split_days(window)):
            point = self._point(currency_pair, exchange, part, status).field("reason", reason[:LONGEST_REASON])
            for name, value in fields.items():
                point.field(name, value)
            points.append(point)
        self._bucket.write_points(points)

    def _point(self, currency_pair: str, exchange: str, part: Window, status: str) -> Point:
        point = window_point(MEASUREMENT, currency_pair, part, self._bar_ms)
        point.tag("exchange", exchange).tag("status", status)
        by = self._recorder
        return point.field("dag_id", by.dag_id).field("run_id", by.run_id).field("map_index", by.map_index)


def window_point(measurement: str, currency_pair: str, window: Window, bar_ms: int) -> Point:
    """Return the point of a window; see above for its time."""
    slots = window.slots(bar_ms)
    point = Point(measurement).tag("currency_pair", currency_pair).time(window.start_ms * NS_PER_MS + slots)
    point.field("end_ms", window.end_ms).field("expected", slots)
    return point.field("recorded_at_ms", time.time_ns() // NS_PER_MS)


def _around(windows: list[Window]) -> Window:
    return Window(windows[0].start_ms, windows[-1].end_ms)


def entry_of(row: dict[str, str]) -> Entry:
    """Return an entry from a row of `fetch_coverage`, pivoted, with its time as `time_ns`."""
    return Entry(
        currency_pair=row["currency_pair"],
        exchange=row["exchange"],
        window=Window(int(row["time_ns"]) // NS_PER_MS, int(row["end_ms"])),
        status=row["status"],
        recorded_at_ms=int(row["recorded_at_ms"]),
        tries=int(row.get("tries") or 1),
        outcome=row.get("outcome") or "",
        reason=row.get("reason") or "",
    )
