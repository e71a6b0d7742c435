"""Delete points whose next version lacks a field: InfluxDB keeps the fields that a new point leaves out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.window import MINUTE_MS, Window, union
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, is_pair, keep, select, times_ms
from candle_ingest.store.line_protocol import escaped_field

Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class NewPoints:
    """Points of one pair that are about to be written: their times, and the fields that some of them may lack.

    `columns` has a value for each time, NaN where the point lacks the field; a field without a column is in no point.
    """

    times_ms: Times
    columns: Mapping[str, NDArray[np.float64]]

    def lacking(self, field: str) -> Times:
        """Return the times of the points that lack the field."""
        return self.times_ms[np.isnan(self.columns[field])] if field in self.columns else self.times_ms

    @property
    def lacking_fields(self) -> set[str]:
        """Return the fields with a column that some point lacks."""
        return {name for name, column in self.columns.items() if np.isnan(column).any()}


def delete_outdated(
    bucket: InfluxBucket, measurement: str, points: Mapping[str, NewPoints], field_condition: str, exchange: str = ""
) -> None:
    """Delete the stored points, by pair, with a field that the new point lacks.

    `field_condition` is a Flux condition on `r` that limits the fields.

    Call it just before the new points are written. If the task is killed in between, the record of its work is not
    written either, so it is done again.
    """
    known = {pair: own for pair, own in points.items() if len(own.times_ms)}
    if not known:
        return
    times = np.concatenate([own.times_ms for own in known.values()])
    span = Window(int(times.min()), int(times.max()) + 1)
    exchange_condition = "r.exchange == exchange" if exchange else ""
    flux = select(measurement, is_pair(known), exchange_condition, field_condition)
    flux += keep("_time", "_field", "currency_pair")
    stored: dict[tuple[str, str], list[str]] = {}
    for row in bucket.query_rows(flux, exchange=exchange, **flux_range(span)):
        stored.setdefault((row["currency_pair"], row["_field"]), []).append(row["_time"])
    for (pair, field), found in stored.items():
        if pair in known:
            delete_points(
                bucket, measurement, pair, np.intersect1d(known[pair].lacking(field), times_ms(found)), exchange
            )


def delete_points(bucket: InfluxBucket, measurement: str, currency_pair: str, times: Times, exchange: str = "") -> None:
    """Delete the points of a pair, and of `exchange` where they have one, at these times in ms."""
    windows = union(Window(time_ms, time_ms + MINUTE_MS) for time_ms in times.tolist())
    delete_windows(bucket, measurement, currency_pair, windows, exchange)


def delete_windows(
    bucket: InfluxBucket, measurement: str, currency_pair: str, windows: list[Window], exchange: str = ""
) -> None:
    """Delete the points of a pair, and of `exchange` where they have one, in `windows`."""
    predicate = f'_measurement="{measurement}" AND currency_pair="{escaped_field(currency_pair)}"'
    predicate += f' AND exchange="{escaped_field(exchange)}"' if exchange else ""
    for window in windows:
        # InfluxDB's delete range includes its end.
        bucket.delete(Window(window.start_ms, window.end_ms - 1), predicate)


def field_in(fields: set[str]) -> str:
    """Return the condition that the field of `r` is one of these."""
    return f"r._field =~ /^({'|'.join(sorted(fields))})$/"
