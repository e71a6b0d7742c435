"""Read and write the records of days in InfluxDB, many at a time; `record_fields` describes the points."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from candle_ingest.candles.window import Window, touched_days
from candle_ingest.errors.ledger import UnreadableRecordError
from candle_ingest.ledger.day_record import ClosingRule, DayRecord, RecordState
from candle_ingest.ledger.merge_day import MergeDay, merge_day_fields, merge_day_from_row
from candle_ingest.ledger.minute_state import CoverageCounts
from candle_ingest.ledger.record_fields import record_fields, record_from_text
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import PIVOT, flux_range, is_pair, select, times_ms, where
from candle_ingest.store.line_protocol import escaped_field, escaped_tag

DAY_RECORDS, MERGE_DAYS = "day_records", "merge_days"
# (currency_pair, exchange, day_ms)
Key = tuple[str, str, int]


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
        """Return the records of the days that `window` touches, of `pairs` and `exchange` (None: all)."""
        rows = self._query(DAY_RECORDS, ("record", "merged_version"), window, pairs, exchange)
        found = (_record_of(row) for row in rows if row.get("record"))
        return {(r.currency_pair, r.exchange, r.day_ms): r for r in found}

    def summaries(self, window: Window, pairs: Collection[str] | None = None) -> list[DaySummary]:
        """Return the state and counts of each record of the days that `window` touches."""
        names = ("state", *CoverageCounts().to_dict())
        rows = self._query(DAY_RECORDS, names, window, pairs)
        times = times_ms(row["_time"] for row in rows).tolist()
        return [
            DaySummary(
                currency_pair=row["currency_pair"],
                exchange=row["exchange"],
                day_ms=day_ms,
                state=RecordState(row["state"]),
                counts=CoverageCounts(**{name: int(row[name]) for name in names[1:]}),
            )
            for row, day_ms in zip(rows, times, strict=True)
            if row.get("state")
        ]

    def write(self, records: Iterable[tuple[DayRecord, ClosingRule]]) -> None:
        """Write the fields that belong to fetches: all but the merged version."""
        self._bucket.write_lines(_record_line(record, record_fields(record, rule)) for record, rule in records)

    def write_merged_versions(self, records: Iterable[tuple[DayRecord, int]]) -> None:
        """Write up to which version the answers of each record are merged."""
        self._bucket.write_lines(_record_line(record, {"merged_version": version}) for record, version in records)

    def read_merges(self, window: Window, pairs: Collection[str] | None = None) -> dict[tuple[str, int], MergeDay]:
        """Return the merged days that `window` touches, by pair and midnight."""
        names = ("record", "state", "merged_version", "merge_method", "announced")
        rows = self._query(MERGE_DAYS, names, window, pairs)
        times = times_ms(row["_time"] for row in rows).tolist()
        return {(row["currency_pair"], day_ms): _merge_of(row, day_ms) for row, day_ms in zip(rows, times, strict=True)}

    def write_merges(self, days: Iterable[MergeDay]) -> None:
        """Write the fields that belong to merges: all but whether the day was announced."""
        self._bucket.write_lines(_merge_line(day, merge_day_fields(day)) for day in days)

    def write_announced(self, days: Iterable[MergeDay]) -> None:
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
        of_exchange = "r.exchange == exchange" if exchange else ""
        # Every field except `record` is queried by name.
        fields = " or ".join(f'r._field == "{name}"' for name in names)
        flux = select(measurement, is_pair(pairs), of_exchange) + where(fields) + PIVOT
        rows = self._bucket.query(flux, exchange=exchange or "", **flux_range(touched_days(window)))
        return rows if pairs is None else [row for row in rows if row["currency_pair"] in pairs]


def _record_line(record: DayRecord, fields: Mapping[str, Any]) -> str:
    series = f"currency_pair={escaped_tag(record.currency_pair)},exchange={escaped_tag(record.exchange)}"
    return _line(f"{DAY_RECORDS},{series}", fields, record.day_ms)


def _merge_line(day: MergeDay, fields: Mapping[str, Any]) -> str:
    return _line(f"{MERGE_DAYS},currency_pair={escaped_tag(day.currency_pair)}", fields, day.day_ms)


def _line(series: str, fields: Mapping[str, Any], day_ms: int) -> str:
    texts = [f'{k}="{escaped_field(v)}"' if isinstance(v, str) else f"{k}={v}i" for k, v in fields.items()]
    return f"{series} {','.join(texts)} {day_ms}"


def _record_of(row: Mapping[str, str]) -> DayRecord:
    day_ms = int(times_ms([row["_time"]])[0])
    try:
        return record_from_text(
            row["currency_pair"], row["exchange"], day_ms, row["record"], int(row.get("merged_version") or 0)
        )
    except ValueError as error:
        raise _unreadable(row, error) from None


def _merge_of(row: Mapping[str, str], day_ms: int) -> MergeDay:
    try:
        return merge_day_from_row(row, day_ms)
    except ValueError as error:
        raise _unreadable(row, error) from None


def _unreadable(row: Mapping[str, str], error: ValueError) -> UnreadableRecordError:
    where = " @ ".join(row[name] for name in ("currency_pair", "exchange") if name in row)
    return UnreadableRecordError(f"InfluxDB, {where}, {row['_time']}: {error}")
