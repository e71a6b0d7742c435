"""What a fetch says about itself: small enough for XCom, and one line in the log."""

import logging
from collections.abc import Sequence
from typing import Any

from candle_ingest.candles.window import Window
from candle_ingest.planning.fetch_request import FetchRequest

logger = logging.getLogger(__name__)
Summary = dict[str, Any]


def fetch_summary(
    request: FetchRequest, wanted: Sequence[Window], bar_ms: int, candle_count: int, call_count: int
) -> Summary:
    """The summary of a fetch that succeeded; `wanted` is what was asked for."""
    asked_count = sum(window.slots(bar_ms) for window in wanted)
    return {
        "currency_pair": request.currency_pair,
        "exchange": request.exchange,
        "start_ms": request.start_ms,
        "expected": request.window.slots(bar_ms),
        "asked_for": asked_count,
        "candles": candle_count,
        "quiet": asked_count - candle_count,
        "requests": call_count,
    }


def log_summary(request: FetchRequest, summary: Summary) -> None:
    """Say it in the log."""
    logger.info(
        "%s (%s), %s: %s candles and %s quiet minutes in %s requests; %s were there before",
        request, request.market["symbol"], request.window,
        *(f"{summary[key]:,}" for key in ("candles", "quiet", "requests")),
        f"{summary['expected'] - summary['asked_for']:,}",
    )  # fmt: skip
