"""Find the minutes whose price is least certain: disputed, or with the exchanges furthest apart."""

from collections.abc import Collection
from dataclasses import dataclass

from candle_ingest.candles.quality import FAR_APART
from candle_ingest.candles.window import MINUTE_MS, Window, format_ms
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import answer, flux_range, is_pair, keep, select, time_ms, where
from candle_ingest.store.quality_store import CANDLE_QUALITY, QualityStore

MAX_MINUTES = 5
# InfluxDB returns the worst of each kind; those of pairs no longer listed are dropped afterwards.
_MAX_READ = 200
_TOP = f'  |> group()\n  |> top(n: {_MAX_READ}, columns: ["_value"])\n' + keep("_time", "_value", "currency_pair")
_LAST = "  |> group()\n" + f'  |> sort(columns: ["_time"], desc: true)\n  |> limit(n: {_MAX_READ})\n'
_DISPERSION = where('r._field == "dispersion_bps"') + where(f"r._value > {FAR_APART}") + _TOP + answer("dispersion")
_DISPUTED = where('r._field == "disputed" and r._value != ""') + _LAST + keep("_time", "currency_pair")
_DISPUTED += answer("disputed")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstMinute:
    """A merged minute; `notes` say what was disputed, excluded or clamped."""

    currency_pair: str
    open_time_ms: int
    dispersion_bps: float
    disputed: str
    excluded: str
    clamped: str

    def __str__(self) -> str:
        marks = {"disputed": self.disputed, "excluded": self.excluded, "clamped": self.clamped}
        notes = "".join(f"; {kind}: {text}" for kind, text in marks.items() if text)
        apart = f"exchanges {self.dispersion_bps:.0f} bp apart"
        return f"{self.currency_pair}, {format_ms(self.open_time_ms)}: {apart}{notes}"


def read_worst_minutes(
    bucket: InfluxBucket, window: Window, pairs: Collection[str], most: int = MAX_MINUTES
) -> list[WorstMinute]:
    """Return at most `most` minutes: disputed ones first, then those over 50 bp apart, the worst first."""
    source = select(CANDLE_QUALITY, is_pair(pairs))
    kinds: dict[tuple[str, int], bool] = {}
    for row in bucket.query(source + _DISPUTED + source + _DISPERSION, **flux_range(window)):
        if row["currency_pair"] in pairs:
            key = row["currency_pair"], time_ms(row["_time"])
            kinds[key] = kinds.get(key, False) or row["what"] == "disputed"
    found = [_read(bucket, *key) for key in sorted(kinds, key=lambda key: not kinds[key])[: 4 * most]]
    return sorted(found, key=lambda minute: (not minute.disputed, -minute.dispersion_bps))[:most]


def _read(bucket: InfluxBucket, currency_pair: str, open_time_ms: int) -> WorstMinute:
    window = Window(open_time_ms, open_time_ms + MINUTE_MS)
    quality = QualityStore(bucket).read(currency_pair, window)
    return WorstMinute(
        currency_pair=currency_pair,
        open_time_ms=open_time_ms,
        dispersion_bps=float(quality.dispersion_bps[0]),
        disputed=quality.disputed[0],
        excluded=quality.excluded[0],
        clamped=quality.clamped[0],
    )
