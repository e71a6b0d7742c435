"""What is open in a window of a pair: not merged, or without a settled answer of an exchange."""

from collections.abc import Collection
from dataclasses import dataclass

from candle_ingest.adapters.coverage_ledger import CoverageLedger
from candle_ingest.adapters.influx_bucket import InfluxBucket
from candle_ingest.adapters.merge_ledger import MergeLedger
from candle_ingest.core.coverage import open_windows
from candle_ingest.core.window import Window, subtract

MERGE = "merge"


@dataclass(frozen=True, slots=True)
class OpenMinutes:
    """Windows of a pair that are open; `source` is an exchange, or `merge` for what is not merged yet."""

    currency_pair: str
    source: str
    windows: list[Window]

    @property
    def is_merge(self) -> bool:
        """Whether it is the merge that is missing."""
        return self.source == MERGE

    def __str__(self) -> str:
        first, more = self.windows[0], len(self.windows) - 1
        what = "not merged" if self.is_merge else f"no settled answer of {self.source}"
        return f"{self.currency_pair}: {what} for {first}" + (f" and {more} more windows" if more else "")


def find_open_minutes(
    bucket: InfluxBucket, bar_ms: int, currency_pair: str, window: Window, exchanges: Collection[str] | None = None
) -> list[OpenMinutes]:
    """What is open in `window`; of all `exchanges`, or of those that were asked for the pair on its days."""
    entries = CoverageLedger(bucket, bar_ms).entries(window, currency_pair)
    merges = MergeLedger(bucket, bar_ms).merges(window, currency_pair)
    names = {entry.exchange for entry in entries} if exchanges is None else exchanges
    found = [OpenMinutes(currency_pair, MERGE, subtract(window, [merge.window for merge in merges]))]
    for name in sorted(names):
        own = [entry for entry in entries if entry.exchange == name]
        found.append(OpenMinutes(currency_pair, name, open_windows(own, window)))
    return [part for part in found if part.windows]
