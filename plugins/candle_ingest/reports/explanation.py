"""Why a merged candle is as it is: each exchange's part in one candle, and what was left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.merge import merge_candles
from candle_ingest.candles.merge_method import HighLow
from candle_ingest.candles.window import Window
from candle_ingest.ledger.coverage import ANSWERED, FAILED, NOT_LISTED, REJECTED, SUSPECTED, Account, Entry, account

Ohlcv = tuple[float, float, float, float, float]
USED, NOT_MERGED, QUIET, NOT_ASKED = "used", "not merged", "quiet", "not asked"
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
    """One exchange's part: its `state` is `used`, `not merged`, `quiet`, `not asked` or a status of the ledger.

    `weight` is its share of the prices, from 0 to 1; None where it is not used. `entry` is the ledger's word for it.
    """

    exchange: str
    state: str
    candle: ExchangeCandle | None
    weight: float | None
    entry: Entry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One candle, `window` long. `merged` is reckoned anew from the used parts, `stored` is what InfluxDB has."""

    window: Window
    parts: tuple[Part, ...]
    merged: Ohlcv | None
    stored: StoredMerge | None

    @property
    def agrees(self) -> bool:
        """Whether the stored candle is what its parts give now."""
        if self.merged is None or self.stored is None:
            return self.merged is None and self.stored is None
        return all(map(_is_close, self.merged, self.stored.ohlcv))


def explain(
    window: Window,
    exchanges: Sequence[str],
    candles: Mapping[str, ExchangeCandle],
    stored: StoredMerge | None,
    entries: Sequence[Entry],
    high_low: HighLow = "weighted",
) -> Explanation:
    """Explain the candle of `window`.

    `entries` are those of the pair's ledger that touch it. Without a stored candle, the parts are weighed as a merge of
    all that is there would weigh them.
    """
    names = sorted({*exchanges, *candles, *(entry.exchange for entry in entries)})
    used = [name for name in names if name in candles and (stored is None or name in stored.exchanges)]
    rows = {name: Candles.from_rows([(window.start_ms, *candles[name].ohlcv)]) for name in used}
    merged = merge_candles(rows, high_low).candles.rows()
    weights = _weights({name: candles[name].ohlcv[-1] for name in used})
    parts = [
        _part(name, window, candles.get(name), weights.get(name), [e for e in entries if e.exchange == name])
        for name in names
    ]
    result = merged[0][1:] if merged else None
    return Explanation(window=window, parts=tuple(parts), merged=result, stored=stored)


def _weights(volumes: Mapping[str, float]) -> dict[str, float]:
    total = sum(volumes.values())
    return {name: volume / total if total else 1 / len(volumes) for name, volume in volumes.items()}


def _part(
    exchange: str, window: Window, candle: ExchangeCandle | None, weight: float | None, entries: Sequence[Entry]
) -> Part:
    status = _status(account(entries, window, window.end_ms - window.start_ms, int(candle is not None)))
    state = status
    if candle is not None:
        state = NOT_MERGED if weight is None else USED
    return Part(exchange=exchange, state=state, candle=candle, weight=weight, entry=_entry_of(status, window, entries))


def _status(sums: Account) -> str:
    """Return the one state that the ledger gives to a single candle."""
    by_state = {
        NOT_LISTED: sums.not_listed,
        SUSPECTED: sums.suspected,
        REJECTED: sums.rejected,
        FAILED: sums.failed,
        NOT_ASKED: sums.not_asked,
        ANSWERED: sums.present,
    }
    return next((state for state, count in by_state.items() if count), QUIET)


def _entry_of(status: str, window: Window, entries: Sequence[Entry]) -> Entry | None:
    wanted = ANSWERED if status == QUIET else status
    fitting = [entry for entry in entries if entry.status == wanted and entry.window.intersection(window)]
    return max(fitting, key=lambda entry: entry.recorded_at_ms, default=None)


def _is_close(one: float, other: float) -> bool:
    return abs(one - other) <= RELATIVE_TOLERANCE * max(abs(one), abs(other))
