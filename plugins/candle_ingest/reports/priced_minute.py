"""Compute the price of one minute: each exchange's candle, its rate, the converted candle and its weight."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.guard import VOLUME, guard
from candle_ingest.candles.merge import Conversion, MergedCandles, merge_minutes
from candle_ingest.candles.merge_method import MergeMethod
from candle_ingest.candles.quality import Quality, grades
from candle_ingest.candles.rates import in_words, is_depeg

Values = tuple[float, float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedPart:
    """One exchange's part in a minute.

    `rate` is what its prices were multiplied by: None if they are in the pair's quote, NaN if there was no rate.
    `rate_source` says where it was observed: `USDT/USD: kraken, bitstamp`. `converted` is the candle at that rate,
    None without one. `counted` is what went into the average, with high and low clamped; None if the exchange is not
    used. `weight` is its share of the prices, from 0 to 1, None if it is not used. `notes` say why it is excluded,
    clamped or disputed, and whether its stablecoin was off its dollar.
    """

    sent: Values
    rate: float | None
    rate_source: str
    converted: Values | None
    counted: Values | None
    weight: float | None
    notes: tuple[str, ...]

    @property
    def is_clamped(self) -> bool:
        """Tell whether its high or low was clamped."""
        return self.counted is not None and self.counted != self.converted

    @property
    def conversion(self) -> str:
        """Return `× 1.0101 (USDT/USD: kraken)`; empty if nothing was converted."""
        if self.rate is None or np.isnan(self.rate):
            return ""
        return f"× {self.rate:.6g} ({self.rate_source})"


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedMinute:
    """A minute: the parts by exchange, the merged candle (None if no exchange could be used), and its quality."""

    parts: Mapping[str, PricedPart]
    merged: Values | None
    quality: Quality
    exchange_count: int

    def grade(self, *, final: bool) -> str:
        """Return the grade from A to D; a provisional minute gets D."""
        return grades(np.array([self.exchange_count]), self.quality, np.array([final]))[0]


def price_minute(
    open_time_ms: int, sent: Mapping[str, Values], conversion: Conversion, method: MergeMethod
) -> PricedMinute:
    """Return how the candles that the exchanges sent for one minute are merged; `sent` must not be empty."""
    names = sorted(sent)
    books = {name: Candles.from_rows([(open_time_ms, *sent[name])]) for name in names}
    merged, quality = merge_minutes(books, conversion, method)
    weights = _weights(sent, merged)
    rates = {name: _rate(open_time_ms, name, conversion, method) for name in names}
    converted = {name: _converted(sent[name], rates[name][0]) for name in names}
    counted = _guarded({name: converted[name] for name in names if name not in conversion.refused}, method)
    parts = {
        name: PricedPart(
            sent=sent[name],
            rate=rate,
            rate_source=source,
            converted=None if np.isnan(converted[name][0]) else converted[name],
            counted=counted[name] if name in weights else None,
            weight=weights.get(name),
            notes=(*_notes(name, quality), *_depeg(name, rate, conversion)),
        )
        for name, (rate, source) in rates.items()
    }
    rows = merged.candles.rows()
    return PricedMinute(parts=parts, merged=rows[0][1:] if rows else None, quality=quality, exchange_count=len(weights))


def _weights(sent: Mapping[str, Values], merged: MergedCandles) -> dict[str, float]:
    used = merged.source_exchanges[0].split(",") if len(merged) else []
    total = sum(sent[name][-1] for name in used)
    return {name: sent[name][-1] / total if total else 1 / len(used) for name in used}


def _converted(sent: Values, rate: float | None) -> Values:
    factor = 1.0 if rate is None else rate
    open_, high, low, close, volume = sent
    return open_ * factor, high * factor, low * factor, close * factor, volume


def _guarded(converted: Mapping[str, Values], method: MergeMethod) -> dict[str, Values]:
    """Return the candles after the guard."""
    cube = np.array(list(converted.values())).reshape(len(converted), VOLUME + 1, 1)
    verdict = guard(cube, method.guard_percent)
    cube[:, :, verdict.minutes] = verdict.candles
    return {name: tuple(own[:, 0].tolist()) for name, own in zip(converted, cube, strict=True)}


def _rate(open_time_ms: int, name: str, conversion: Conversion, method: MergeMethod) -> tuple[float | None, str]:
    leg = conversion.legs.get(name)
    if leg is None:
        return None, ""
    if method.quote_conversion == "par":
        return 1.0, "at par"
    series = conversion.rates[leg]
    rate = float(series.at(np.array([open_time_ms]))[0])
    return rate, "" if np.isnan(rate) else in_words(series.sources_at(open_time_ms))


def _notes(name: str, quality: Quality) -> list[str]:
    kinds = {"excluded": quality.excluded, "clamped": quality.clamped, "disputed": quality.disputed}
    return [
        f"{kind}: {text.removeprefix(f'{name}: ')}"
        for kind, texts in kinds.items()
        for text in (texts[0].split(", ") if texts else [])
        if text.startswith(f"{name}: ")
    ]


def _depeg(name: str, rate: float | None, conversion: Conversion) -> list[str]:
    if rate is None or not is_depeg(np.array([rate]), conversion.quote)[0]:
        return []
    return [f"depeg: {conversion.legs[name]}/{conversion.quote} {rate - 1:+.1%}".replace("%", " %")]
