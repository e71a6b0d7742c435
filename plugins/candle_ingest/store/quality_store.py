"""Store the quality of merged minutes in InfluxDB.

`candle_quality`: tag `currency_pair`; fields `dispersion_bps` float, `excluded`, `clamped`, `disputed` string, empty
where there is nothing to report, and for each quote that replaces the pair's own `rate_usdt`, `rate_usdc`, … float, 0
where there was no rate; time the open time.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.quality import Quality
from candle_ingest.candles.window import Window, union
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, times_ms
from candle_ingest.store.line_protocol import escaped_field, escaped_tag, with_columns
from candle_ingest.store.outdated_points import NewPoints, delete_outdated, delete_windows

CANDLE_QUALITY = "candle_quality"
TEXTS = ("excluded", "clamped", "disputed")
RATE = "rate_"
_READ = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "candle_quality" and r.currency_pair == currency_pair)
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> sort(columns: ["_time"])
"""


class QualityStore:
    """Writes and reads the quality of the minutes of one bucket."""

    def __init__(self, bucket: InfluxBucket) -> None:
        self._bucket = bucket

    def write(self, found: Mapping[str, Quality]) -> None:
        """Write the quality of each minute, by pair; where no exchange could be used, the dispersion is 0."""
        self._delete_outdated(found)
        self._bucket.write_lines(itertools.chain.from_iterable(quality_lines(*item) for item in found.items()))

    def delete(self, currency_pair: str, windows: Sequence[Window]) -> None:
        """Delete the quality of a pair's minutes in `windows`."""
        delete_windows(self._bucket, CANDLE_QUALITY, currency_pair, union(windows))

    def _delete_outdated(self, found: Mapping[str, Quality]) -> None:
        """Delete the stored minutes with a rate of a quote that no market of their pair has any longer."""
        by_rates: dict[tuple[str, ...], dict[str, NewPoints]] = {}
        for pair, quality in found.items():
            columns = _rate_columns(quality)
            by_rates.setdefault(tuple(sorted(columns)), {})[pair] = NewPoints(quality.open_time_ms, columns)
        for names, points in by_rates.items():
            others = [f"r._field =~ /^{RATE}/", *(f'r._field != "{name}"' for name in names)]
            delete_outdated(self._bucket, CANDLE_QUALITY, points, " and ".join(others))

    def read(self, currency_pair: str, window: Window) -> Quality:
        """Return the quality of the minutes of the window that have one."""
        rows = self._bucket.query(_READ, currency_pair=currency_pair, **flux_range(window))
        return quality_from_rows(rows)


def quality_lines(currency_pair: str, quality: Quality) -> Iterator[str]:
    """Yield a line for each minute, with its time in ms."""
    series = f"{CANDLE_QUALITY},currency_pair={escaped_tag(currency_pair)}"
    columns = {"dispersion_bps": np.nan_to_num(quality.dispersion_bps)}
    columns |= _rate_columns(quality)
    texts = zip(quality.excluded, quality.clamped, quality.disputed, strict=True)
    fields = with_columns(columns, map(_text_fields, texts))
    return (f"{series} {own} {time}" for own, time in zip(fields, quality.open_time_ms.tolist(), strict=True))


def quality_from_rows(rows: list[dict[str, str]]) -> Quality:
    """Return the quality of pivoted rows in order of time; a rate of 0 means none."""
    names = sorted({name for row in rows for name in row if name.startswith(RATE)})
    excluded, clamped, disputed = ([row.get(name) or "" for row in rows] for name in TEXTS)
    rates = {name.removeprefix(RATE).upper(): _rates(rows, name) for name in names}
    times = times_ms(row["_time"] for row in rows)
    dispersion_bps = np.array([float(row["dispersion_bps"]) for row in rows])
    return Quality(times, dispersion_bps, excluded, clamped, disputed, rates)


def _rate_columns(quality: Quality) -> dict[str, NDArray[np.float64]]:
    return {f"{RATE}{leg.lower()}": np.nan_to_num(rate) for leg, rate in quality.rates.items()}


def _text_fields(texts: tuple[str, str, str]) -> str:
    return ",".join(f'{name}="{escaped_field(text)}"' for name, text in zip(TEXTS, texts, strict=True))


def _rates(rows: list[dict[str, str]], name: str) -> np.ndarray:
    values = np.array([float(row.get(name) or 0) for row in rows])
    return np.where(values > 0, values, np.nan)
