"""The coverage ledger in InfluxDB: which times were answered for, merged, or stay open and why.

`fetch_coverage`: tags `currency_pair`, `exchange`; fields `status` (answered, rejected, failed), `end_ms`,
`expected`, `recorded_at_ms`, and `present`, `quiet`, `market` where answered, `reason` where not.
`merge_coverage`: tag `currency_pair`; fields `end_ms`, `expected`, `present`, `exchanges`.

A point stands for the window from its time to `end_ms`; windows are cut at midnight UTC. The nanoseconds of
the time hold the number of candles that the window has room for: windows of different length never
overwrite each other, and the same window recorded twice is one point. So any number of tasks may write
at once, and nothing that was answered for is ever taken back.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from influxdb_client import Point

from candle_ingest.adapters.influx_bucket import InfluxBucket
from candle_ingest.core.candles import Candles
from candle_ingest.core.window import DAY_MS, Window, floor_ms, split_days, subtract, union

FETCH = "fetch_coverage"
MERGE = "merge_coverage"
ANSWERED, REJECTED, FAILED = "answered", "rejected", "failed"
NS_PER_MS = 1_000_000
_READ = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == measurement and r.currency_pair == currency_pair)
  |> filter(fn: (r) => r._field == "end_ms" or r._field == "status")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> map(fn: (r) => ({r with time_ns: int(v: r._time)}))
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One window of the ledger. `exchange` is empty for merged windows, whose status is `answered`."""

    window: Window
    exchange: str
    status: str


class CoverageLedger:
    """Records and recalls coverage for candles of one length."""

    def __init__(self, bucket: InfluxBucket, bar_ms: int) -> None:
        self._bucket = bucket
        self._bar_ms = bar_ms

    def record_answered(self, currency_pair: str, exchange: str, market: str, window: Window, candles: Candles) -> None:
        """The exchange answered for the whole window: a time without a candle is one that nobody traded."""
        points = []
        for part in split_days(window):
            present = self._count(candles, part)
            point = self._fetch_point(currency_pair, exchange, part, ANSWERED).field("market", market)
            points.append(point.field("present", present).field("quiet", part.slots(self._bar_ms) - present))
        self._bucket.write_points(points)

    def record_open(
        self, currency_pair: str, exchange: str, windows: Iterable[Window], status: str, reason: str
    ) -> None:
        """Times for which there is no usable answer yet, and why; what was answered for before is left out."""
        wanted = union(windows)
        if not wanted:
            return
        around = Window(wanted[0].start_ms, wanted[-1].end_ms)
        answered = self.answered(currency_pair, around).get(exchange, [])
        points = [
            self._fetch_point(currency_pair, exchange, part, status).field("reason", reason[:1000])
            for window in wanted
            for missing in subtract(window, answered)
            for part in split_days(missing)
        ]
        self._bucket.write_points(points)

    def record_merged(self, currency_pair: str, window: Window, candles: Candles, exchanges: Sequence[str]) -> None:
        """The window is merged and written, from the answers of `exchanges`."""
        self._bucket.write_points(
            [
                self._point(MERGE, currency_pair, part)
                .field("present", self._count(candles, part))
                .field("exchanges", ",".join(sorted(exchanges)))
                for part in split_days(window)
            ]
        )

    def answered(self, currency_pair: str, window: Window) -> dict[str, list[Window]]:
        """For each exchange the windows that it answered for, joined, near `window`."""
        by_exchange: dict[str, list[Window]] = {}
        for entry in self.entries(FETCH, currency_pair, window):
            if entry.status == ANSWERED:
                by_exchange.setdefault(entry.exchange, []).append(entry.window)
        return {exchange: union(windows) for exchange, windows in by_exchange.items()}

    def merged(self, currency_pair: str, window: Window) -> list[Window]:
        """The windows that are merged and written, joined, near `window`."""
        return union(entry.window for entry in self.entries(MERGE, currency_pair, window))

    def entries(self, measurement: str, currency_pair: str, window: Window) -> list[Entry]:
        """All entries that touch the days of `window`."""
        rows = self._bucket.query(
            _READ,
            measurement=measurement,
            currency_pair=currency_pair,
            start_ns=floor_ms(window.start_ms, DAY_MS) * NS_PER_MS,
            stop_ns=max(window.end_ms, window.start_ms + 1) * NS_PER_MS,
        )
        return [
            Entry(
                Window(int(row["time_ns"]) // NS_PER_MS, int(row["end_ms"])),
                row.get("exchange", ""),
                row.get("status", ANSWERED),
            )
            for row in rows
        ]

    def _fetch_point(self, currency_pair: str, exchange: str, part: Window, status: str) -> Point:
        now_ms = time.time_ns() // NS_PER_MS
        point = self._point(FETCH, currency_pair, part).tag("exchange", exchange)
        return point.field("status", status).field("recorded_at_ms", now_ms)

    def _point(self, measurement: str, currency_pair: str, part: Window) -> Point:
        slots = part.slots(self._bar_ms)
        point = Point(measurement).tag("currency_pair", currency_pair).time(part.start_ms * NS_PER_MS + slots)
        return point.field("end_ms", part.end_ms).field("expected", slots)

    @staticmethod
    def _count(candles: Candles, part: Window) -> int:
        first, last = np.searchsorted(candles.open_time_ms, [part.start_ms, part.end_ms])
        return int(last - first)
