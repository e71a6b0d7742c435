"""What is open in a window of a pair: not merged, or without a settled answer of an exchange."""

from collections.abc import Collection
from dataclasses import dataclass

from candle_ingest.adapters.coverage_ledger import CoverageLedger
from candle_ingest.adapters.influx_bucket import InfluxBucket
from candle_ingest.adapters.merge_ledger import MergeLedger
from candle_ingest.core.coverage import Entry, open_windows
from candle_ingest.core.repair import Merge
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


class OpenMinutesReader:
    """The ledgers of a span of time, of one pair or of all."""

    def __init__(self, bucket: InfluxBucket, bar_ms: int, span: Window, currency_pair: str | None = None) -> None:
        self._entries: list[Entry] = CoverageLedger(bucket, bar_ms).entries(span, currency_pair)
        self._merges: list[Merge] = MergeLedger(bucket, bar_ms).merges(span, currency_pair)

    def asked(self, currency_pair: str) -> set[str]:
        """The exchanges that were asked for the pair."""
        return {entry.exchange for entry in self._entries if entry.currency_pair == currency_pair}

    def find(self, currency_pair: str, window: Window, exchanges: Collection[str]) -> list[OpenMinutes]:
        """What is open in `window`, which lies within the span: of the merge, and of each of `exchanges`."""
        merged = [merge.window for merge in self._merges if merge.currency_pair == currency_pair]
        found = [OpenMinutes(currency_pair, MERGE, subtract(window, merged))]
        own = [entry for entry in self._entries if entry.currency_pair == currency_pair]
        for name in sorted(exchanges):
            windows = open_windows([entry for entry in own if entry.exchange == name], window)
            found.append(OpenMinutes(currency_pair, name, windows))
        return [part for part in found if part.windows]
