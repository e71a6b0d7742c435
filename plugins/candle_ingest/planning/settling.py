"""Wait until the last candle of a run has settled."""

import logging
import time
from dataclasses import replace

from candle_ingest.candles.window import format_ms
from candle_ingest.errors.runs import ClockBehindError
from candle_ingest.planning.run import Run

logger = logging.getLogger(__name__)
# If the clock is behind by more than this, fail instead of waiting.
MAX_LAG_MS = 60_000


def wait_until_settled(run: Run) -> Run:
    """Return the run once its last candle has settled: one that has just closed may still change, or not be served yet.

    Raises ClockBehindError if, by this machine's clock, the interval of a backfill is not over: its end would be cut
    off, and no later run would request it. Other runs do not wait that long: catch-up continues later from where it
    stopped, and a run with an `end` gets what has closed.
    """
    settle_ms = run.settings.settle_seconds * 1000
    wait_ms = run.wanted_end_ms + settle_ms - run.now_ms
    must_end = run.kind.takes_whole_interval and run.interval is not None and run.end_ms is None
    if must_end and wait_ms > settle_ms + MAX_LAG_MS:
        raise ClockBehindError(
            f"the interval ends at {format_ms(run.wanted_end_ms)}, but this machine's clock says "
            f"{format_ms(run.now_ms)}: synchronise this machine's clock (NTP); if no retries are "
            "left, clear the task after the interval ends"
        )
    if wait_ms <= 0 or (not must_end and wait_ms > settle_ms):
        return run
    logger.info("Waiting %.1f s for the last candle to settle", wait_ms / 1000)
    time.sleep(wait_ms / 1000)
    return replace(run, now_ms=run.now_ms + wait_ms)
