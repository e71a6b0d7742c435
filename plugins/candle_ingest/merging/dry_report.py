"""Report what a dry run would have written."""

import logging
from collections.abc import Sequence

import numpy as np

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.merge import Conversion, merge_minutes
from candle_ingest.candles.packing import unpack_candles
from candle_ingest.candles.rates import leg_rate, rate_pairs
from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.fetching.fetch_summary import Summary
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.run import Run
from candle_ingest.plurals import counted
from candle_ingest.store.rate_store import quote_of

logger = logging.getLogger(__name__)


def report_dry(run: Run, plan: Plan, summaries: Sequence[Summary]) -> tuple[dict[str, int], list[str]]:
    """Return the number of merged candles by pair, and a sentence for each pair without enough exchanges."""
    would: dict[str, int] = {}
    short: list[str] = []
    for pair in plan.pairs:
        packed = {s["exchange"]: s["packed"][pair] for s in summaries if pair in s["packed"]}
        asked = [batch.exchange for batch in plan.batches if pair in batch.markets]
        required = run.settings.min_exchanges_required or len(asked)
        if len(packed) < required:
            failed = ", ".join(name for name in asked if name not in packed)
            short.append(
                f"{pair}: {len(packed)} of the {counted(required, 'exchange')} it needs answered; failed: {failed}"
            )
            continue
        by_exchange = {exchange: unpack_candles(text) for exchange, text in packed.items()}
        merged, _ = merge_minutes(by_exchange, _conversion(pair, plan, summaries), run.settings.merge_method)
        would[pair] = len(merged)
        logger.info(
            "Dry run: would write %s for %s, from %s; nothing is written",
            counted(len(merged), "merged candle"), pair, ", ".join(sorted(by_exchange)),
        )  # fmt: skip
    return would, short


def _conversion(pair: str, plan: Plan, summaries: Sequence[Summary]) -> Conversion:
    """Return the conversion of the pair, from the rate candles that the fetches returned."""
    quote = quote_of(pair)
    markets = {batch.exchange: batch.markets[pair] for batch in plan.batches if pair in batch.markets}
    legs = {name: leg for name, market in markets.items() if (leg := quote_of(market)) != quote}
    rates = {}
    for leg in set(legs.values()):
        candles = {name: _unpacked(name, summaries) for name in rate_pairs(leg, quote)}
        rates[leg] = leg_rate(leg, quote, candles, _span(pair, summaries))
    return Conversion(quote, legs, rates)


def _unpacked(pair: str, summaries: Sequence[Summary]) -> dict[str, Candles]:
    return {s["exchange"]: unpack_candles(s["packed"][pair]) for s in summaries if pair in s["packed"]}


def _span(pair: str, summaries: Sequence[Summary]) -> Window:
    """Return the span of the pair's candles; empty if there are none."""
    times = [candles.open_time_ms for candles in _unpacked(pair, summaries).values()]
    known = np.concatenate([np.empty(0, np.int64), *times])
    return Window(int(known.min()), int(known.max()) + MINUTE_MS) if len(known) else Window(0, 0)
