"""What a wet run would write, said by a dry one."""

import logging
from collections.abc import Sequence

from candle_ingest.candles.merge import merge_candles
from candle_ingest.candles.packing import unpack_candles
from candle_ingest.fetching.fetch_summary import Summary
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.run import Run

logger = logging.getLogger(__name__)


def report_dry(run: Run, plan: Plan, summaries: Sequence[Summary]) -> tuple[dict[str, int], list[str]]:
    """Merge what the fetches brought along; the merged candles by pair, and a sentence for each pair that is short."""
    would: dict[str, int] = {}
    short: list[str] = []
    for pair in plan.pairs:
        packed = {s["exchange"]: s["packed"][pair] for s in summaries if pair in s["packed"]}
        asked = [batch.exchange for batch in plan.batches if pair in batch.markets]
        required = run.settings.min_exchanges_required or len(asked)
        if len(packed) < required:
            failed = ", ".join(name for name in asked if name not in packed)
            short.append(f"{pair}: {len(packed)} of the {required} exchanges it needs answered; failed: {failed}")
            continue
        by_exchange = {exchange: unpack_candles(text) for exchange, text in packed.items()}
        merged = merge_candles(by_exchange, run.settings.high_low)
        would[pair] = len(merged)
        logger.info(
            "Dry run: would write %s merged candles for %s, from %s; nothing is written",
            f"{len(merged):,}", pair, ", ".join(sorted(by_exchange)),
        )  # fmt: skip
    return would, short
