"""Merges one window of one pair, and looks whether an exchange was silent for too long."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.merge import merge_candles
from candle_ingest.candles.silences import SHORTEST_MS, suspected_outages
from candle_ingest.candles.window import NS_PER_MS, Window, split_rows, subtract, union
from candle_ingest.ledger.coverage import NOT_LISTED, SUSPECTED, Entry, settled_windows
from candle_ingest.ledger.coverage_ledger import CoverageLedger
from candle_ingest.ledger.merge_ledger import MergeLedger
from candle_ingest.planning.run import Run
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore

logger = logging.getLogger(__name__)
# A month of minutes: what is in memory at a time, whatever the length of the run.
MERGE_SLOTS = 44_640


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of a merge: the number of candles, and the silences that are suspected, also beside its window."""

    candle_count: int
    suspected: list[Window]


class Merger:
    """Merges windows from the store into the store."""

    def __init__(self, run: Run, bucket: InfluxBucket) -> None:
        self._run = run
        self._store = CandleStore(bucket)
        self._ledger = CoverageLedger(bucket, run.bar_ms, run.recorder)
        self._merges = MergeLedger(bucket, run.bar_ms)

    def merge(self, currency_pair: str, window: Window, exchanges: Sequence[str], entries: Sequence[Entry]) -> Merged:
        """Merge and write the window. `entries` are those of the pair in its neighbourhood."""
        count, suspected = 0, list[Window]()
        for part in split_rows(window, self._run.bar_ms, MERGE_SLOTS):
            beside = neighbourhood(part, self._run.bar_ms)
            read_at_ms = time.time_ns() // NS_PER_MS
            around = self._store.read_exchange_candles(currency_pair, exchanges, beside)
            by_exchange = {name: candles.between(part.start_ms, part.end_ms) for name, candles in around.items()}
            merged = merge_candles(by_exchange, self._run.settings.high_low)
            self._store.write_merged(currency_pair, merged)
            self._merges.record(currency_pair, part, merged.candles, exchanges, read_at_ms)
            suspected += self._note_outages(currency_pair, beside, around, entries)
            count += len(merged)
        logger.info("Successfully processed %s candles for %s", f"{count:,}", currency_pair)
        return Merged(count, suspected)

    def _note_outages(
        self, currency_pair: str, around: Window, by_exchange: Mapping[str, Candles], entries: Sequence[Entry]
    ) -> list[Window]:
        traded = {name: candles.traded_ms() for name, candles in by_exchange.items()}
        own = {name: [entry for entry in entries if entry.exchange == name] for name in by_exchange}
        answered = {
            name: union(window.intersection(around) for window in settled_windows(known)) for name, known in own.items()
        }
        silences = suspected_outages(traded, answered, self._run.timeframe)
        return [new for name, found in silences.items() for new in self._suspect(currency_pair, name, found, own[name])]

    def _suspect(
        self, currency_pair: str, exchange: str, silences: Sequence[Window], known: Sequence[Entry]
    ) -> list[Window]:
        """Once only: what was suspected before, or is older than the market, is left alone."""
        seen = [entry.window for entry in known if entry.status in (SUSPECTED, NOT_LISTED)]
        new = [part for silence in silences for part in subtract(silence, seen)]
        for part in new:
            logger.warning(
                "%s @ %s: no trade in %s while other exchanges traded: a suspected outage, to be asked again later",
                currency_pair, exchange, part,
            )  # fmt: skip
        self._ledger.record_suspected(currency_pair, exchange, new, "no trade for long while other exchanges traded")
        return new


def neighbourhood(window: Window, bar_ms: int) -> Window:
    """A window and what lies beside it: a silence may begin before it, or go on behind it.

    However short the window, there is enough to tell the pace of an exchange. All on the grid of the candles.
    """
    beside_ms = max(SHORTEST_MS, bar_ms)
    start_ms = min(window.start_ms - beside_ms, window.end_ms - 2 * beside_ms)
    return Window(max(0, start_ms), window.end_ms + beside_ms)
