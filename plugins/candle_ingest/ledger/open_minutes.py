"""What is open in a window of a pair: not merged, or without a settled answer of an exchange."""

from collections.abc import Collection
from dataclasses import dataclass

from candle_ingest.candles.window import Window, subtract
from candle_ingest.ledger.coverage import open_windows
from candle_ingest.ledger.coverage_ledger import CoverageLedger
from candle_ingest.ledger.merge_ledger import MergeLedger
from candle_ingest.store.bucket import InfluxBucket

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


class OpenMinutesReader:
    """The ledgers of one pair in a span of time."""

    def __init__(self, bucket: InfluxBucket, bar_ms: int, currency_pair: str, span: Window) -> None:
        self._pair = currency_pair
        self._entries = CoverageLedger(bucket, bar_ms).entries(span, currency_pair)
        self._merged = [merge.window for merge in MergeLedger(bucket, bar_ms).merges(span, currency_pair)]

    def asked(self) -> set[str]:
        """Return the exchanges that were asked for the pair."""
        return {entry.exchange for entry in self._entries}

    def find(self, window: Window, exchanges: Collection[str]) -> list[OpenMinutes]:
        """Return what is open in `window`, which lies within the span: of the merge, and of each of `exchanges`."""
        found = [OpenMinutes(self._pair, MERGE, subtract(window, self._merged))]
        for name in sorted(exchanges):
            windows = open_windows([entry for entry in self._entries if entry.exchange == name], window)
            found.append(OpenMinutes(self._pair, name, windows))
        return [part for part in found if part.windows]
