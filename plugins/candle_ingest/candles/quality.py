"""The quality of merged minutes: how far apart the exchanges are, and which of them were excluded or clamped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.guard import CLOSE, HIGH, LOW, OPEN, VOLUME, Floats, Mask, Verdict
from candle_ingest.candles.medians import median

NO_RATE = "no rate"
# In basis points of the median. Closes of hours in 2020-22: p50 8, p99 39, p99.9 127.
CLOSE_TOGETHER, FAR_APART = 20.0, 50.0


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """The quality of each minute that has a candle of any exchange, even if none of them could be used.

    `dispersion_bps` is (highest - lowest) / median of the closes used, in basis points: of those with volume if there
    are any; NaN if no candle was used. `excluded`, `clamped` and `disputed` hold a text for each minute such as
    `kraken: close -4.9 %`, several joined by commas, empty if there is nothing to report. `rates` has, by leg (`USDT`),
    the rate in each minute, NaN where there is none.
    """

    open_time_ms: NDArray[np.int64]
    dispersion_bps: Floats
    excluded: list[str]
    clamped: list[str]
    disputed: list[str]
    rates: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.open_time_ms)

    def at(self, open_time_ms: NDArray[np.int64]) -> "Quality":
        """Return the quality of these minutes, which ascend. Raises ValueError if one of them has none."""
        places = np.searchsorted(self.open_time_ms, open_time_ms)
        if len(places) and (places[-1] >= len(self) or not np.array_equal(self.open_time_ms[places], open_time_ms)):
            raise ValueError("a minute has no quality")
        excluded, clamped, disputed = (
            [texts[place] for place in places.tolist()] for texts in (self.excluded, self.clamped, self.disputed)
        )
        rates = {leg: rate[places] for leg, rate in self.rates.items()}
        return Quality(open_time_ms, self.dispersion_bps[places], excluded, clamped, disputed, rates)


def dispersion_bps(closes: Floats) -> Floats:
    """Return (highest - lowest) / median in basis points, over the first axis; NaN if all values are."""
    if not len(closes):
        return np.full(closes.shape[1:], np.nan)
    span = np.fmax.reduce(closes, axis=0) - np.fmin.reduce(closes, axis=0)
    spread: Floats = span / median(closes) * 1e4
    return spread


def excluded_texts(
    names: Sequence[str], verdict: Verdict, left_out: Sequence[tuple[str, Mask]], count: int
) -> list[str]:
    """Return which exchanges are excluded and why, for each of `count` minutes.

    `left_out` has the reason and the minutes, shape (count,), for each exchange left out.
    """
    found = _deviations_in_words(names, verdict, verdict.excluded, (OPEN, CLOSE))
    for reason, minutes in left_out:
        for minute in np.flatnonzero(minutes).tolist():
            found.setdefault(minute, []).append(reason)
    return _joined(found, count)


def clamped_texts(names: Sequence[str], verdict: Verdict, count: int) -> list[str]:
    """Return which exchange had its high or low clamped, and how far it was from those of the others."""
    found = _deviations_in_words(names, verdict, verdict.clamped_high, (HIGH,))
    for minute, texts in _deviations_in_words(names, verdict, verdict.clamped_low, (LOW,)).items():
        found.setdefault(minute, []).extend(texts)
    return _joined(found, count)


def disputed_texts(names: Sequence[str], verdict: Verdict, count: int) -> list[str]:
    """Return which exchanges are far from the others in a disputed minute."""
    found = _deviations_in_words(names, verdict, verdict.disputed, (OPEN, HIGH, LOW, CLOSE))
    return _joined(found, count)


def grades(exchange_count: NDArray[np.int64], quality: Quality, final: Mask) -> list[str]:
    """Return a grade from A to D for each minute; `exchange_count` is the number of exchanges used.

    D: disputed, a leg without a rate, provisional, or nothing used. C: one exchange, or more than 50 bp apart. A: three
    or more, at most 20 bp apart. B: everything else.
    """
    no_rate = np.array([NO_RATE in text for text in quality.excluded], dtype=np.bool_)
    disputed = np.array([bool(text) for text in quality.disputed], dtype=np.bool_)
    doubtful = disputed | no_rate | ~final | (exchange_count == 0)
    poor = (exchange_count == 1) | (quality.dispersion_bps > FAR_APART)
    good = (exchange_count >= 3) & (quality.dispersion_bps <= CLOSE_TOGETHER)
    letters: list[str] = np.select([doubtful, poor, good], ["D", "C", "A"], "B").tolist()
    return letters


def closes_with_weight(cube: Floats) -> Floats:
    """Return the closes, shape (exchanges, minutes), of candles with volume, or of all if none has any; else NaN."""
    traded = cube[:, VOLUME] > 0
    return np.where(traded | ~traded.any(axis=0), cube[:, CLOSE], np.nan)


def _deviations_in_words(
    names: Sequence[str], verdict: Verdict, minutes_of: Mask, fields: Sequence[int]
) -> dict[int, list[str]]:
    """Return, for each minute, the largest deviation among `fields` of each exchange in the mask."""
    found: dict[int, list[str]] = {}
    for exchange, place in np.argwhere(minutes_of).tolist():
        own, minute = verdict.deviations[exchange, :, place], int(verdict.minutes[place])
        field = max(fields, key=lambda field: abs(own[field]))
        text = f"{names[exchange]}: {('open', 'high', 'low', 'close')[field]} {np.expm1(own[field]):+.1%}"
        found.setdefault(minute, []).append(text.replace("%", " %"))
    return found


def _joined(found: Mapping[int, Sequence[str]], count: int) -> list[str]:
    texts = [""] * count
    for minute, own in found.items():
        texts[minute] = ", ".join(own)
    return texts
