"""Find the open work in the records of a bucket, some days at a time: those of years are too many for one query."""

from collections.abc import Iterator

from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.errors.servers import BucketMissingError
from candle_ingest.ledger.day_records import DAY_RECORDS, MERGE_DAYS
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import EVER, flux_range, keep, select, times_ms, with_times_ms

# 2,000 pairs on 8 exchanges have 16,000 records a day; InfluxDB takes about a third of a second for them.
DAYS_AT_A_TIME = 14
_ENDS = select(DAY_RECORDS, 'r._field == "state"', span=EVER)
_FIRST_DAY = f'{_ENDS}  |> first()\n{keep("_time")}  |> group()\n  |> min(column: "_time")\n'
_LAST_DAY = f'{_ENDS}  |> last()\n{keep("_time")}  |> group()\n  |> max(column: "_time")\n'
# `pair|exchange|day` or `pair|day`; the day is its midnight in ms.
Member = str


class RecordedWork:
    """The open work in the records of one bucket."""

    def __init__(self, bucket: InfluxBucket) -> None:
        self._bucket = bucket

    def spans(self, from_ms: int = 0) -> Iterator[Window]:
        """Yield all days with records, from `from_ms` on, as windows of some days each."""
        try:
            ends = [row["_time"] for query in (_FIRST_DAY, _LAST_DAY) for row in self._bucket.query(query)]
        except BucketMissingError:
            return
        if not ends:
            return
        first_ms, last_ms = times_ms(ends).tolist()
        for day_ms in range(max(first_ms, from_ms), last_ms + 1, DAYS_AT_A_TIME * DAY_MS):
            yield Window(day_ms, day_ms + DAYS_AT_A_TIME * DAY_MS)

    def due(self, span: Window) -> dict[Member, int]:
        """Return the records that are to be requested again, and when, in ms."""
        return self._values(span, DAY_RECORDS, "due_ms", "> 0")

    def unmerged(self, span: Window) -> dict[Member, int]:
        """Return the pairs and days with unmerged answers, and the version of the newest answer.

        The answers are read before the merges, so that a day merged meanwhile is left out, not one answered meanwhile.
        """
        newest: dict[Member, int] = {}
        for member, version in self._values(span, DAY_RECORDS, "answered_version", "> 0").items():
            pair, _, day = member.split("|")
            newest[f"{pair}|{day}"] = max(version, newest.get(f"{pair}|{day}", 0))
        merged = self._values(span, MERGE_DAYS, "merged_version", ">= 0")
        return {day: version for day, version in newest.items() if version > merged.get(day, -1)}

    def unannounced(self, span: Window) -> set[Member]:
        """Return the final days whose event is still to be sent."""
        final = self._values(span, MERGE_DAYS, "final", "> 0")
        return final.keys() - self._values(span, MERGE_DAYS, "announced", "> 0").keys()

    def unlisted(self, span: Window) -> set[Member]:
        """Return, as `pair|exchange`, what was not requested because the exchange did not list it."""
        return {member.rpartition("|")[0] for member in self._values(span, DAY_RECORDS, "by_list", "> 0")}

    def merged_otherwise(self, span: Window, method: str) -> list[Member]:
        """Return the days that were merged by another method."""
        flux = select(MERGE_DAYS, 'r._field == "merge_method" and r._value != method') + keep("_time", "currency_pair")
        rows = self._bucket.query(flux, method=method, **flux_range(span))
        return [f"{row['currency_pair']}|{day_ms}" for row, day_ms in with_times_ms(rows)]

    def _values(self, span: Window, measurement: str, field: str, condition: str) -> dict[Member, int]:
        points = select(measurement, f'r._field == "{field}" and r._value {condition}')
        flux = points + keep("_time", "_value", "currency_pair", "exchange")
        rows = self._bucket.query(flux, **flux_range(span))
        return {
            "|".join(filter(None, (row["currency_pair"], row.get("exchange"), str(day_ms)))): int(row["_value"])
            for row, day_ms in with_times_ms(rows)
        }
