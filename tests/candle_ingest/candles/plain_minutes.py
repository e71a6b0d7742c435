"""The rules of a merged minute as plain loops, without arrays."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.plain_merge import PRICES, plain_merge
from candle_ingest.candles.merge_method import MergeMethod

Values = tuple[float, ...]
OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)


@dataclass
class PlainMinute:
    """A merged minute: its candle if there is one, and the exchanges used, left out, clamped and disputed."""

    used: dict[str, list[float]] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    clamped: set[str] = field(default_factory=set)
    disputed: set[str] = field(default_factory=set)
    candle: Values | None = None
    dispersion_bps: float = math.nan


def plain_merge_minutes(
    book: Mapping[str, Mapping[int, Values]], rates: Mapping[str, Sequence[float]], method: MergeMethod
) -> dict[int, PlainMinute]:
    """Return each minute merged with conversion and guard; `rates` has those of each leg by minute, NaN for none."""
    return {
        minute: _plain_minute(
            {name: own[minute] for name, own in book.items() if minute in own},
            {name: own[minute] for name, own in rates.items() if method.quote_conversion == "observed"},
            method,
        )
        for minute in {minute for own in book.values() for minute in own}
    }


def _plain_minute(rows: Mapping[str, Values], rates: Mapping[str, float], method: MergeMethod) -> PlainMinute:
    found = PlainMinute()
    for name, values in rows.items():
        rate = rates.get(name, 1.0)
        if math.isnan(rate) or abs(rate - 1) > 0.1:
            found.left_out.add(name)
        else:
            found.used[name] = [*(price * rate for price in values[:VOLUME]), values[VOLUME]]
    if method.guard_percent:
        _plain_guard(found, math.log(1 + method.guard_percent / 100))
    if found.used:
        _average(found, method)
    return found


def _plain_guard(found: PlainMinute, g: float) -> None:
    voters = {name: own for name, own in found.used.items() if own[VOLUME] > 0}
    if not voters:
        return
    medians = [statistics.median(own[price] for own in voters.values()) for price in range(VOLUME)]
    off = {name: [math.log(own[price] / medians[price]) for price in range(VOLUME)] for name, own in voters.items()}
    b = {name: max(abs(own[OPEN]), abs(own[CLOSE])) for name, own in off.items()}
    if len(voters) >= 3 and 2 * sum(own <= g for own in b.values()) > len(voters):
        for name, own in voters.items():
            _exclude_or_clamp(found, name, own, b[name] > g, medians, g)
    else:
        wick = max(g, math.log(1.02))
        found.disputed |= {
            name for name in voters if b[name] > math.log(1.02) or off[name][HIGH] > wick or off[name][LOW] < -wick
        }


def _exclude_or_clamp(
    found: PlainMinute, name: str, own: list[float], excluded: bool, medians: list[float], g: float
) -> None:
    if excluded:
        found.left_out.add(name)
        del found.used[name]
        return
    high, low = min(own[HIGH], medians[HIGH] * math.exp(g)), max(own[LOW], medians[LOW] * math.exp(-g))
    if (high, low) != (own[HIGH], own[LOW]):
        found.clamped.add(name)
        own[HIGH], own[LOW] = high, low


def _average(found: PlainMinute, method: MergeMethod) -> None:
    rows = list(found.used.values())
    weighty = [own for own in rows if own[VOLUME] > 0] or rows
    columns = (*PRICES, "volume")
    merged = plain_merge({name: {0: dict(zip(columns, own, strict=True))} for name, own in found.used.items()})[0]
    if method.high_low == "extremes":
        merged |= {"high": max(own[HIGH] for own in weighty), "low": min(own[LOW] for own in weighty)}
    closes = [own[CLOSE] for own in weighty]
    found.dispersion_bps = (max(closes) - min(closes)) / statistics.median(closes) * 1e4
    found.candle = tuple(merged.values())
