"""Send the queued one-time notices of all runs."""

from collections.abc import Callable

from candle_ingest.connections import connect_redis
from candle_ingest.ledger.notices import Notices
from candle_ingest.planning.run import Run

MAX_SENTENCES = 5


def send_notices(run: Run, notifier: Callable[[str], None]) -> None:
    """Send all queued notices, of any run, in one sentence; if the notifier fails, they stay queued."""
    if run.dry:
        return
    with connect_redis() as client:
        Notices(client, run.settings.influxdb_bucket).send(lambda sentences: notifier(_joined(sentences)))


def _joined(sentences: list[str]) -> str:
    more = len(sentences) - MAX_SENTENCES
    return " and ".join([*sentences[:MAX_SENTENCES], *([f"{more} more like these"] if more > 0 else [])])
