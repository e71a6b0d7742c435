"""Merging a month of three exchanges, against a plain loop over dicts."""

from benchmarks.figures import take_turns
from benchmarks.result import Result, at_least
from benchmarks.sample import days, sample_candles
from benchmarks.workbench import Workbench
from candle_ingest.candles.candles import Candles
from candle_ingest.candles.merge import merge_candles

Row = dict[str, float]
PRICES = ("open", "high", "low", "close")
EXCHANGES = ("binance", "coinbaseexchange", "kraken")


def merge_speed(bench: Workbench) -> Result:
    """Arrays against dicts; both begin with what they would have in memory."""
    arrays = {name: sample_candles(days(30), seed) for seed, name in enumerate(EXCHANGES)}
    dicts = {name: _as_dicts(candles) for name, candles in arrays.items()}
    return Result(
        name="merge",
        what="merging 3 exchanges × 43,200 candles: merge_candles against a plain loop over dicts",
        figures=take_turns(lambda: merge_candles(arrays), lambda: plain_merge(dicts), bench.repetitions(11, 3)),
        target=at_least(10),
    )


def _as_dicts(candles: Candles) -> dict[int, Row]:
    return {time: dict(zip((*PRICES, "volume"), values, strict=True)) for time, *values in candles.rows()}


def plain_merge(by_exchange: dict[str, dict[int, Row]]) -> dict[int, Row]:
    """Averages weighted by volume, minute by minute; plain averages where nobody traded."""
    times = sorted({time for rows in by_exchange.values() for time in rows})
    return {time: _merged([rows[time] for rows in by_exchange.values() if time in rows]) for time in times}


def _merged(rows: list[Row]) -> Row:
    volume = sum(row["volume"] for row in rows)
    if volume == 0:
        return {key: sum(row[key] for row in rows) / len(rows) for key in PRICES} | {"volume": 0.0}
    return {key: sum(row[key] * row["volume"] for row in rows) / volume for key in PRICES} | {"volume": volume}
