"""Read and write the records of days in InfluxDB, many at a time; `record_fields` describes the points."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from candle_ingest.candles.window import Window, touched_days
from candle_ingest.errors.ledger import UnreadableRecordError
from candle_ingest.ledger.day_record import ClosingRule, DayRecord, RecordState
from candle_ingest.ledger.merged_day import MergedDay, merged_day_fields, merged_day_from_row
from candle_ingest.ledger.minute_state import CoverageCounts
from candle_ingest.ledger.record_fields import record_fields, record_from_text
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import PIVOT, flux_range, is_pair, select, times_ms, where
from candle_ingest.store.line_protocol import escaped_field, escaped_tag

DAY_RECORDS, MERGE_DAYS = "day_records", "merge_days"
# (currency_pair, exchange, day_ms)
Key = tuple[str, str, int]
_COUNTS = tuple(CoverageCounts().to_dict())
T = TypeVar("T")
Row = Mapping[str, str]
# By pair.
Unreadable = Mapping[str, UnreadableRecordError]


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySummary:
    """The counts and the state of one record without its stretches: small enough to read years of them."""

    currency_pair: str
    exchange: str
    day_ms: int
    state: RecordState
    counts: CoverageCounts


class DayRecords:
    """Reads and writes the records of days of one bucket."""

    def __init__(self, bucket: InfluxBucket) -> None:
        self._bucket = bucket

    def read(
        self, window: Window, pairs: Collection[str] | None = None, exchange: str | None = None
    ) -> dict[Key, DayRecord]:
        """Return the records of the days that `window` touches, of `pairs` and `exchange` (None: all).

        Raises UnreadableRecordError, naming each pair with an unreadable record.
        """
        found, unreadable = self.read_readable(window, pairs, exchange)
        raise_unreadable(unreadable)
        return found

    def read_readable(
        self, window: Window, pairs: Collection[str] | None = None, exchange: str | None = None
    ) -> tuple[dict[Key, DayRecord], Unreadable]:
        """Return records as `read` does, without those of pairs with an unreadable one; these have an error each."""
        rows = self._query(DAY_RECORDS, ("record", "merged_version"), window, pairs, exchange)
        records, unreadable = _readable([row for row in rows if row.get("record")], _record_of)
        return {(r.currency_pair, r.exchange, r.day_ms): r for r in records}, unreadable

    def summaries(
        self, window: Window, pairs: Collection[str] | None = None, exchange: str | None = None
    ) -> tuple[list[DaySummary], Unreadable]:
        """Return the state and counts of each record of the days that `window` touches; else as `read_readable`."""
        rows = self._query(DAY_RECORDS, ("state", *_COUNTS), window, pairs, exchange)
        return _readable([row for row in rows if row.get("state")], _summary_of)

    def write(self, records: Iterable[tuple[DayRecord, ClosingRule]]) -> None:
        """Write the fields that belong to fetches: all but the merged version."""
        self._bucket.write_lines(_record_line(record, record_fields(record, rule)) for record, rule in records)

    def write_merged_versions(self, records: Iterable[tuple[DayRecord, int]]) -> None:
        """Write up to which version the answers of each record are merged."""
        self._bucket.write_lines(_record_line(record, {"merged_version": version}) for record, version in records)

    def read_merges(self, window: Window, pairs: Collection[str] | None = None) -> dict[tuple[str, int], MergedDay]:
        """Return the merged days that `window` touches, by pair and midnight; raises as `read` does."""
        found, unreadable = self.read_readable_merges(window, pairs)
        raise_unreadable(unreadable)
        return found

    def read_readable_merges(
        self, window: Window, pairs: Collection[str] | None = None
    ) -> tuple[dict[tuple[str, int], MergedDay], Unreadable]:
        """Return merged days as `read_merges` does, without those of pairs with an unreadable one."""
        names = ("record", "state", "merged_version", "merge_method", "announced")
        days, unreadable = _readable(self._query(MERGE_DAYS, names, window, pairs), _merge_of)
        return {(day.currency_pair, day.day_ms): day for day in days}, unreadable

    def write_merges(self, days: Iterable[MergedDay]) -> None:
        """Write the fields that belong to merges: all but whether the day was announced."""
        self._bucket.write_lines(_merge_line(day, merged_day_fields(day)) for day in days)

    def write_announced(self, days: Iterable[MergedDay]) -> None:
        """Mark the events of these days as sent."""
        self._bucket.write_lines(_merge_line(day, {"announced": 1}) for day in days)

    def _query(
        self,
        measurement: str,
        names: Sequence[str],
        window: Window,
        pairs: Collection[str] | None,
        exchange: str | None = None,
    ) -> list[dict[str, str]]:
        if pairs is not None and not pairs:
            return []
        exchange_condition = "r.exchange == exchange" if exchange else ""
        # Every field except `record` is queried by name.
        fields = " or ".join(f'r._field == "{name}"' for name in names)
        flux = select(measurement, is_pair(pairs), exchange_condition) + where(fields) + PIVOT
        rows = self._bucket.query(flux, exchange=exchange or "", **flux_range(touched_days(window)))
        return rows if pairs is None else [row for row in rows if row["currency_pair"] in pairs]


def raise_unreadable(unreadable: Unreadable) -> None:
    """Raise one error for all these pairs, if there are any."""
    if unreadable:
        raise UnreadableRecordError("\n".join(map(str, unreadable.values())), unreadable)


def _readable(rows: Iterable[Row], read: Callable[[Row], T]) -> tuple[list[T], Unreadable]:
    """Return what the rows hold, without those of pairs of which one cannot be read, and the first error of each."""
    found: list[tuple[str, T]] = []
    unreadable: dict[str, UnreadableRecordError] = {}
    for row in rows:
        try:
            found.append((row["currency_pair"], read(row)))
        except UnreadableRecordError as error:
            unreadable.setdefault(row["currency_pair"], error)
    return [one for pair, one in found if pair not in unreadable], unreadable


def _record_line(record: DayRecord, fields: Mapping[str, Any]) -> str:
    series = f"currency_pair={escaped_tag(record.currency_pair)},exchange={escaped_tag(record.exchange)}"
    return _line(f"{DAY_RECORDS},{series}", fields, record.day_ms)


def _merge_line(day: MergedDay, fields: Mapping[str, Any]) -> str:
    return _line(f"{MERGE_DAYS},currency_pair={escaped_tag(day.currency_pair)}", fields, day.day_ms)


def _line(series: str, fields: Mapping[str, Any], day_ms: int) -> str:
    texts = [f'{k}="{escaped_field(v)}"' if isinstance(v, str) else f"{k}={v}i" for k, v in fields.items()]
    return f"{series} {','.join(texts)} {day_ms}"


def _record_of(row: Row) -> DayRecord:
    day_ms = int(times_ms([row["_time"]])[0])
    try:
        return record_from_text(
            row["currency_pair"], row["exchange"], day_ms, row["record"], int(row.get("merged_version") or 0)
        )
    except ValueError as error:
        raise _unreadable(DAY_RECORDS, row, error) from None


def _summary_of(row: Row) -> DaySummary:
    try:
        return DaySummary(
            currency_pair=row["currency_pair"],
            exchange=row["exchange"],
            day_ms=int(times_ms([row["_time"]])[0]),
            state=RecordState(row["state"]),
            counts=CoverageCounts(**{name: int(row[name]) for name in _COUNTS}),
        )
    except (KeyError, ValueError) as error:
        raise _unreadable(DAY_RECORDS, row, ValueError(f"not the record of a day: {error!r}")) from None


def _merge_of(row: Row) -> MergedDay:
    try:
        return merged_day_from_row(row, int(times_ms([row["_time"]])[0]))
    except ValueError as error:
        raise _unreadable(MERGE_DAYS, row, error) from None


def _unreadable(measurement: str, row: Row, error: ValueError) -> UnreadableRecordError:
    place = " @ ".join(row[name] for name in ("currency_pair", "exchange") if name in row)
    return UnreadableRecordError(
        f"{place}, {row['_time']}: the point of {measurement} is {error}; delete it, and run a backfill of that day",
        [row["currency_pair"]],
    )
