"""The accounts of each day in InfluxDB: one point for each pair, exchange and day in UTC.

`daily_coverage`: tags `currency_pair`, `exchange`; fields `expected`, `present`, `quiet`, `not_listed`,
`suspected`, `rejected`, `failed`, `not_asked` (they add up to `expected`) and `recorded_at_ms`; time midnight UTC.
`expected` counts from the first to the last minute of the day that any exchange was asked for.

`daily_total`: its sums over the exchanges. Tag `currency_pair`; fields `expected` and `open` (suspected, rejected,
failed or not asked); time midnight UTC.
"""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, fields

from influxdb_client import Point

from candle_ingest.candles.window import DAY_MS, NS_PER_MS, Window
from candle_ingest.ledger.coverage import Account, Entry, account
from candle_ingest.ledger.day_account import DayAccount, total
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, times_ms

MEASUREMENT = "daily_coverage"
TOTAL_MEASUREMENT = "daily_total"
_COUNT = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "exchange_candles" and r._field == "close")
  |> filter(fn: (r) => r.currency_pair == currency_pair)
  |> count()
"""
_READ = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "daily_coverage" and r._field != "recorded_at_ms")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
"""
# By exchange.
Accounts = Mapping[str, Account]


class DailyCoverage:
    """Adds up days and keeps the sums."""

    def __init__(self, bucket: InfluxBucket, bar_ms: int) -> None:
        self._bucket = bucket
        self._bar_ms = bar_ms

    def read(self, window: Window) -> list[DayAccount]:
        """Return the sums of all days that begin in `window`."""
        return [_day_account(row) for row in self._bucket.query(_READ, **flux_range(window))]

    def update(self, currency_pair: str, day_ms: int, entries: Iterable[Entry]) -> Accounts:
        """Add up the day that begins at `day_ms` anew; `entries` are those of the pair that touch it."""
        day = Window(day_ms, day_ms + DAY_MS)
        own = [entry for entry in entries if entry.window.intersection(day)]
        if not own:
            return {}
        span, counts = _span(own, day), self._counts(currency_pair, day)
        accounts = {}
        for exchange in sorted({entry.exchange for entry in own}):
            known = [entry for entry in own if entry.exchange == exchange]
            accounts[exchange] = account(known, span, self._bar_ms, counts.get(exchange, 0))
        self._write(currency_pair, day_ms, accounts)
        return accounts

    def _counts(self, currency_pair: str, day: Window) -> dict[str, int]:
        rows = self._bucket.query(_COUNT, currency_pair=currency_pair, **flux_range(day))
        return {row["exchange"]: int(row["_value"]) for row in rows}

    def _write(self, currency_pair: str, day_ms: int, accounts: Accounts) -> None:
        points = [
            _point(MEASUREMENT, currency_pair, day_ms, asdict(sums))
            .tag("exchange", name)
            .field("recorded_at_ms", time.time_ns() // NS_PER_MS)
            for name, sums in accounts.items()
        ]
        whole = total(accounts.values())
        points.append(
            _point(TOTAL_MEASUREMENT, currency_pair, day_ms, {"expected": whole.expected, "open": whole.open})
        )
        self._bucket.write_points(points)


def _point(measurement: str, currency_pair: str, day_ms: int, counts: Mapping[str, int]) -> Point:
    point = Point(measurement).tag("currency_pair", currency_pair).time(day_ms * NS_PER_MS)
    for name, count in counts.items():
        point.field(name, count)
    return point


def _day_account(row: Mapping[str, str]) -> DayAccount:
    sums = Account(**{field.name: int(row[field.name]) for field in fields(Account)})
    return DayAccount(row["currency_pair"], row["exchange"], int(times_ms([row["_time"]])[0]), sums)


def _span(entries: Collection[Entry], day: Window) -> Window:
    windows = [entry.window for entry in entries]
    return Window(min(w.start_ms for w in windows), max(w.end_ms for w in windows)).intersection(day)
