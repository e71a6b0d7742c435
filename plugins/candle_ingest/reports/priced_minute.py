"""How the price of one minute is made: what each exchange sent, its rate, the converted candle and its weight."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.merge import Conversion, MergedCandles, merge_minutes
from candle_ingest.candles.merge_method import MergeMethod
from candle_ingest.candles.quality import Quality, grades
from candle_ingest.candles.rates import in_words

Values = tuple[float, float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedPart:
    """One exchange's part in a minute.

    `rate` is what its prices were multiplied by, None where they are in the pair's quote; NaN where there was no rate.
    `rate_source` says where it was observed: `USDT/USD: kraken, bitstamp`. `converted` is the candle at that rate,
    None without one. `weight` is its share of the prices, from 0 to 1, None where it takes no part; `notes` say why it
    is excluded, clamped or disputed.
    """

    sent: Values
    rate: float | None
    rate_source: str
    converted: Values | None
    weight: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedMinute:
    """A minute: the parts by exchange, the merged candle, None where no exchange could be used, and its quality."""

    parts: Mapping[str, PricedPart]
    merged: Values | None
    quality: Quality
    exchange_count: int

    def grade(self, *, final: bool) -> str:
        """Return the grade from A to D; a provisional minute has D."""
        return grades(np.array([self.exchange_count]), self.quality, np.array([final]))[0]


def price_minute(
    open_time_ms: int, sent: Mapping[str, Values], conversion: Conversion, method: MergeMethod
) -> PricedMinute:
    """Return how the candles that the exchanges sent for one minute become one; `sent` is not empty."""
    books = {name: Candles.from_rows([(open_time_ms, *values)]) for name, values in sent.items()}
    merged, quality = merge_minutes(books, conversion, method)
    weights = _weights(sent, merged)
    parts = {
        name: _part(open_time_ms, name, values, conversion, method, weights.get(name), quality)
        for name, values in sorted(sent.items())
    }
    rows = merged.candles.rows()
    return PricedMinute(parts=parts, merged=rows[0][1:] if rows else None, quality=quality, exchange_count=len(weights))


def _weights(sent: Mapping[str, Values], merged: MergedCandles) -> dict[str, float]:
    used = merged.source_exchanges[0].split(",") if len(merged) else []
    total = sum(sent[name][-1] for name in used)
    return {name: sent[name][-1] / total if total else 1 / len(used) for name in used}


def _part(
    open_time_ms: int,
    name: str,
    sent: Values,
    conversion: Conversion,
    method: MergeMethod,
    weight: float | None,
    quality: Quality,
) -> PricedPart:
    rate, source = _rate(open_time_ms, name, conversion, method)
    factor = 1.0 if rate is None else rate
    open_, high, low, close, volume = sent
    converted = (open_ * factor, high * factor, low * factor, close * factor, volume)
    return PricedPart(
        sent=sent,
        rate=rate,
        rate_source=source,
        converted=None if np.isnan(factor) else converted,
        weight=weight,
        notes=tuple(_notes(name, quality)),
    )


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
