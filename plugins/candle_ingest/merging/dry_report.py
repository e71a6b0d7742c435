"""What a wet run would write, said by a dry one."""

import logging
from collections.abc import Sequence

from candle_ingest.candles.merge import merge_candles
from candle_ingest.fetching.dry_fetch import unpack_candles
from candle_ingest.fetching.fetch_summary import Summary
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.run import Run

logger = logging.getLogger(__name__)


def report_dry(run: Run, plan: Plan, summaries: Sequence[Summary]) -> tuple[dict[str, int], list[str]]:
    """Merge what the fetches brought along; the merged candles by pair, and a sentence for each pair that is short."""
    would: dict[str, int] = {}
    short: list[str] = []
    for job in plan.merges:
        packed = {s["exchange"]: s["packed"] for s in summaries if s["currency_pair"] == job.currency_pair}
        if len(packed) < plan.min_exchanges:
            failed = ", ".join(name for name in job.exchanges if name not in packed)
            short.append(
                f"{job.currency_pair}: {len(packed)} of the {plan.min_exchanges} exchanges it needs answered for "
                f"{job.window}; failed: {failed}"
            )
            continue
        by_exchange = {exchange: unpack_candles(text) for exchange, text in packed.items()}
        merged = merge_candles(by_exchange, run.settings.high_low)
        would[job.currency_pair] = len(merged)
        logger.info(
            "Dry run: would write %s merged candles for %s of %s, from %s; nothing is written",
            f"{len(merged):,}", job.currency_pair, job.window, ", ".join(sorted(by_exchange)),
        )  # fmt: skip
    return would, short
