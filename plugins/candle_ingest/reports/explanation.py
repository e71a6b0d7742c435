"""Why a merged candle is as it is: each exchange's part in one candle, and what was left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.merge import merge_candles
from candle_ingest.candles.merge_method import HighLow
from candle_ingest.candles.window import Window
from candle_ingest.ledger.day_record import DayRecord
from candle_ingest.ledger.merge_day import MergeDay
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.stretch import Stretch

Ohlcv = tuple[float, float, float, float, float]
# Beside the states of MinuteState: a candle that is in the merged one, and one that is not.
USED, NOT_MERGED = "used", "not merged"
# Further than this apart is not rounding.
RELATIVE_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class ExchangeCandle:
    """One exchange's stored candle; prices in units of the quote, volume in base units."""

    ohlcv: Ohlcv
    market: str


@dataclass(frozen=True, slots=True)
class StoredMerge:
    """The merged candle as it is stored, and the exchanges that it was made of."""

    ohlcv: Ohlcv
    exchanges: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One exchange's part: its `state` is `used`, `not merged`, or a MinuteState where it has no candle.

    `weight` is its share of the prices, from 0 to 1; None where it is not used. `stretch` is the part of the day's
    record that says why there is no plain answer, None where there is one.
    """

    exchange: str
    state: str
    candle: ExchangeCandle | None
    weight: float | None
    stretch: Stretch | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One candle, `window` long. `merged` is computed from the used parts now, `stored` is what InfluxDB has.

    `day` is the record of the merged day, None where nothing of it was merged yet.
    """

    window: Window
    parts: tuple[Part, ...]
    merged: Ohlcv | None
    stored: StoredMerge | None
    day: MergeDay | None = None

    @property
    def waiting(self) -> str:
        """Return why the candle is not merged; empty where it is, or where that is not known yet."""
        parts = self.day.waiting if self.day else ()
        return next((part.reason for part in parts if part.window.covers(self.window)), "")

    @property
    def is_merged(self) -> bool:
        """Tell whether its time is merged, with a candle or because nobody traded."""
        return self.day is not None and any(part.covers(self.window) for part in self.day.merged_windows())

    @property
    def agrees(self) -> bool:
        """Tell whether the stored candle is what its parts give now."""
        if self.merged is None or self.stored is None:
            return self.merged is None and self.stored is None
        return all(map(_is_close, self.merged, self.stored.ohlcv))


def explain(
    window: Window,
    exchanges: Sequence[str],
    candles: Mapping[str, ExchangeCandle],
    stored: StoredMerge | None,
    records: Mapping[str, DayRecord],
    day: MergeDay | None = None,
    high_low: HighLow = "weighted",
) -> Explanation:
    """Explain the candle of `window`.

    `records` are those of its day, by exchange. Without a stored candle, the parts are weighted as a merge of all that
    is there would weight them.
    """
    names = sorted({*exchanges, *candles, *records})
    used = [name for name in names if name in candles and (stored is None or name in stored.exchanges)]
    rows = {name: Candles.from_rows([(window.start_ms, *candles[name].ohlcv)]) for name in used}
    merged = merge_candles(rows, high_low).candles.rows()
    weights = _weights({name: candles[name].ohlcv[-1] for name in used})
    parts = [_part(name, window, candles.get(name), weights.get(name), records.get(name)) for name in names]
    result = merged[0][1:] if merged else None
    return Explanation(window=window, parts=tuple(parts), merged=result, stored=stored, day=day)


def _weights(volumes: Mapping[str, float]) -> dict[str, float]:
    total = sum(volumes.values())
    return {name: volume / total if total else 1 / len(volumes) for name, volume in volumes.items()}


def _part(
    exchange: str, window: Window, candle: ExchangeCandle | None, weight: float | None, record: DayRecord | None
) -> Part:
    state: str = record.state_at(window.start_ms) if record else MinuteState.NOT_ASKED
    if candle is not None:
        state = NOT_MERGED if weight is None else USED
    stretch = record.stretch_at(window.start_ms) if record else None
    return Part(exchange=exchange, state=state, candle=candle, weight=weight, stretch=stretch)


def _is_close(one: float, other: float) -> bool:
    return abs(one - other) <= RELATIVE_TOLERANCE * max(abs(one), abs(other))
