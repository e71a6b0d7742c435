"""The summary of a fetch: small enough for XCom, and one line in the log."""

import logging
from typing import Any

from candle_ingest.planning.fetch_batch import FetchBatch
from candle_ingest.plurals import counted

logger = logging.getLogger(__name__)
Summary = dict[str, Any]


def batch_key(batch: FetchBatch) -> str:
    """Return the key that a summary and its batch share."""
    return f"{batch.exchange}:{batch.pairs[0]}:{len(batch.markets)}"


def log_summary(batch: FetchBatch, summary: Summary) -> None:
    """Log the summary in one line."""
    logger.info(
        "%s: %s of %s in %s",
        batch.label, counted(summary["candles"], "candle"), counted(summary["asked"], "slot"),
        counted(summary["requests"], "request"),
    )  # fmt: skip
