"""Explain a merged candle: each exchange's part in it, and what was left out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from candle_ingest.candles.merge import NO_LEGS, Conversion
from candle_ingest.candles.merge_method import MergeMethod
from candle_ingest.candles.window import Window
from candle_ingest.ledger.day_record import DayRecord, RecordState
from candle_ingest.ledger.merged_day import MergedDay
from candle_ingest.ledger.minute_state import SETTLED, MinuteState
from candle_ingest.ledger.stretch import Stretch
from candle_ingest.reports.priced_minute import PricedMinute, PricedPart, price_minute
from candle_ingest.reports.shares import whole_percents

Ohlcv = tuple[float, float, float, float, float]
# In addition to the states of MinuteState: a candle that is part of the merged one, one that the merge rules exclude,
# one that came after the merge, and whatever is known of an exchange that was removed from the settings.
USED, EXCLUDED, NOT_MERGED, REMOVED = "used", "excluded", "not merged", "not used"
# A merge can proceed with these.
ANSWERED = (USED, EXCLUDED, NOT_MERGED, *SETTLED)
# A larger difference is more than rounding.
RELATIVE_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class ExchangeCandle:
    """One exchange's stored candle; prices in its market's quote, volume in base units."""

    ohlcv: Ohlcv
    market: str


@dataclass(frozen=True, slots=True)
class StoredMerge:
    """What is stored of the merge: the candle (None if no exchange could be used) and the exchanges it was made from.

    `excluded` are the exchanges whose candle was left out: by the guard, without a rate, or as another asset.
    """

    ohlcv: Ohlcv | None
    exchanges: tuple[str, ...]
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One exchange's part: its `state` is USED, EXCLUDED, NOT_MERGED, REMOVED, or a MinuteState if it has no candle.

    `priced` is how its candle was used, None if it has none or if it came after the merge. `percent` is its weight,
    rounded so that all add up to 100, None if it is not used. `stretch` is the part of the day's record that says why
    there is no plain answer, None if there is one. `is_answered` says whether a merge can proceed with it.
    """

    exchange: str
    state: str
    candle: ExchangeCandle | None
    priced: PricedPart | None
    percent: float | None
    stretch: Stretch | None
    is_answered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRules:
    """How a pipeline merges: the exchanges of its settings, and how many answers a minute needs (0: all of them).

    `method` holds the settings that a merge of the same candles depends on; `method_text` is their text in stored days.
    """

    exchanges: tuple[str, ...]
    minimum: int = 0
    method: MergeMethod = field(default_factory=MergeMethod)
    method_text: str = ""

    @property
    def needed(self) -> int:
        """Return how many exchanges must answer."""
        return self.minimum or len(self.exchanges)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The candle of `window`: `minute` is computed from its parts now, `stored` is what InfluxDB has.

    `day` is the record of the merged day, None if nothing of it has been merged yet. `when_asked` says when the candle
    will be requested; it matters only if it was not requested from any exchange.
    """

    window: Window
    parts: tuple[Part, ...]
    minute: PricedMinute | None
    stored: StoredMerge | None
    day: MergedDay | None
    rules: MergeRules
    when_asked: str = ""

    @property
    def was_asked(self) -> bool:
        """Tell whether the candle was requested from any exchange."""
        return any(part.state not in (MinuteState.NOT_ASKED, REMOVED) for part in self.parts)

    @property
    def merged(self) -> Ohlcv | None:
        """Return the candle that merging the parts would give now."""
        return self.minute.merged if self.minute else None

    @property
    def stored_candle(self) -> Ohlcv | None:
        """Return the stored merged candle."""
        return self.stored.ohlcv if self.stored else None

    @property
    def waiting(self) -> str:
        """Return why the candle is not merged; empty if it is, or if the reason is not known yet."""
        parts = self.day.waiting if self.day else ()
        return next((part.reason for part in parts if part.window.covers(self.window)), "")

    @property
    def is_merged(self) -> bool:
        """Tell whether its time is merged, with a candle or without one."""
        return self.stored_candle is not None or (
            self.day is not None and any(part.covers(self.window) for part in self.day.merged_windows())
        )

    @property
    def answered(self) -> int:
        """Count the exchanges in the settings with an answer that a merge can use."""
        return sum(part.is_answered for part in self.parts if part.exchange in self.rules.exchanges)

    @property
    def was_merged_otherwise(self) -> bool:
        """Tell whether the day was merged with other settings than the current ones."""
        return self.day is not None and self.day.method not in ("", self.rules.method_text)

    @property
    def agrees(self) -> bool:
        """Tell whether the stored candle equals the one computed from its parts now."""
        if self.merged is None or self.stored_candle is None:
            return self.merged is None and self.stored_candle is None
        return all(map(_is_close, self.merged, self.stored_candle))

    @property
    def is_complete(self) -> bool:
        """Tell whether the stored candle is up to date and every exchange's answer is settled."""
        return self.agrees and all(part.state in (USED, EXCLUDED, REMOVED, *SETTLED) for part in self.parts)

    @property
    def grade(self) -> str:
        """Return the grade of the stored minute, A to D; empty where there is no candle."""
        if self.minute is None or self.stored_candle is None:
            return ""
        return self.minute.grade(final=self.day is not None and self.day.state == RecordState.FINAL)


def explain(
    window: Window,
    candles: Mapping[str, ExchangeCandle],
    stored: StoredMerge | None,
    records: Mapping[str, DayRecord],
    day: MergedDay | None,
    rules: MergeRules,
    conversion: Conversion = NO_LEGS,
) -> Explanation:
    """Explain the candle of `window`.

    `records` are those of its day, by exchange. `stored` is None if nothing was merged: the parts are then weighted as
    a merge of all candles of the rules' exchanges would weight them. Otherwise, candles that the merge did not know are
    left out.
    """
    seen = set(candles) & set(rules.exchanges if stored is None else (*stored.exchanges, *stored.excluded))
    sent = {name: candles[name].ohlcv for name in seen}
    minute = price_minute(window.start_ms, sent, conversion, rules.method) if sent else None
    priced = minute.parts if minute else {}
    percents = _percents(priced)
    names = sorted({*rules.exchanges, *candles, *records})
    found = [
        _part(name, window, candles.get(name), priced.get(name), percents.get(name), records.get(name))
        for name in names
    ]
    parts = [part if part.exchange in rules.exchanges or part.priced else _removed(part) for part in found]
    return Explanation(window=window, parts=tuple(parts), minute=minute, stored=stored, day=day, rules=rules)


def _percents(priced: Mapping[str, PricedPart]) -> dict[str, float]:
    weights = {name: part.weight for name, part in priced.items() if part.weight is not None}
    return dict(zip(weights, whole_percents(list(weights.values())), strict=True))


def _part(
    exchange: str,
    window: Window,
    candle: ExchangeCandle | None,
    priced: PricedPart | None,
    percent: float | None,
    record: DayRecord | None,
) -> Part:
    stretch = record.stretch_at(window.start_ms) if record else None
    state: str = record.state_at(window.start_ms) if record else MinuteState.NOT_ASKED
    if candle is not None:
        state = NOT_MERGED if priced is None else EXCLUDED if priced.weight is None else USED
    return Part(
        exchange=exchange,
        state=state,
        candle=candle,
        priced=priced,
        percent=percent,
        stretch=stretch,
        is_answered=state in ANSWERED or _is_usable_silence(state, record, window),
    )


def _removed(part: Part) -> Part:
    """Return the part of an exchange that is no longer merged: nothing is missing or wrong because of it."""
    return replace(part, state=REMOVED, stretch=None, is_answered=False)


def _is_usable_silence(state: str, record: DayRecord | None, window: Window) -> bool:
    """Tell whether the part is a silence before its closing look, which a merge accepts provisionally."""
    return state == MinuteState.SILENT and record is not None and not any(w.covers(window) for w in record.closed)


def _is_close(one: float, other: float) -> bool:
    return abs(one - other) <= RELATIVE_TOLERANCE * max(abs(one), abs(other))
