"""Merges one window of one pair, and looks whether an exchange was silent for too long."""

import logging
from collections.abc import Mapping, Sequence

from candle_ingest.adapters.candle_store import CandleStore
from candle_ingest.adapters.coverage_ledger import CoverageLedger
from candle_ingest.adapters.influx_bucket import InfluxBucket
from candle_ingest.adapters.merge_ledger import MergeLedger
from candle_ingest.core.candles import Candles
from candle_ingest.core.coverage import NOT_LISTED, SUSPECTED, Entry, settled_windows
from candle_ingest.core.merging import merge_candles
from candle_ingest.core.outages import SHORTEST_MS, suspected_outages
from candle_ingest.core.window import Window, split_rows, subtract
from candle_ingest.tasks.run import Run

logger = logging.getLogger(__name__)
# A month of minutes: what is in memory at a time, whatever the length of the run.
MERGE_SLOTS = 44_640
# Shorter windows than a suspicion needs are looked at together with the time before them.
LOOK_BACK_MS = 2 * SHORTEST_MS


class Merger:
    """Merges windows from the store into the store."""

    def __init__(self, run: Run, bucket: InfluxBucket) -> None:
        self._run = run
        self._store = CandleStore(bucket)
        self._ledger = CoverageLedger(bucket, run.bar_ms, run.recorder)
        self._merges = MergeLedger(bucket, run.bar_ms)

    def merge(self, currency_pair: str, window: Window, exchanges: Sequence[str], entries: Sequence[Entry]) -> int:
        """Merge and write the window; return the number of merged candles. `entries` are those of the pair."""
        count = 0
        for part in split_rows(window, self._run.bar_ms, MERGE_SLOTS):
            by_exchange = self._store.read_exchange_candles(currency_pair, exchanges, part)
            merged = merge_candles(by_exchange, self._run.settings.high_low)
            self._store.write_merged(currency_pair, merged)
            self._merges.record(currency_pair, part, merged.candles, exchanges)
            self._note_outages(currency_pair, part, by_exchange, entries)
            count += len(merged)
        logger.info("Successfully processed %s candles for %s", f"{count:,}", currency_pair)
        return count

    def _note_outages(
        self, currency_pair: str, part: Window, by_exchange: Mapping[str, Candles], entries: Sequence[Entry]
    ) -> None:
        traded = {name: candles.traded_ms() for name, candles in by_exchange.items()}
        if all(map(len, traded.values())) and part.end_ms - part.start_ms < SHORTEST_MS:
            return
        if not any(map(len, traded.values())):
            return
        if part.end_ms - part.start_ms < LOOK_BACK_MS:
            part = Window(part.end_ms - LOOK_BACK_MS, part.end_ms)
            earlier = self._store.read_exchange_candles(currency_pair, list(by_exchange), part)
            traded = {name: candles.traded_ms() for name, candles in earlier.items()}
        for name, silences in suspected_outages(traded, part, self._run.bar_ms).items():
            self._suspect(currency_pair, name, silences, [e for e in entries if e.exchange == name])

    def _suspect(self, currency_pair: str, exchange: str, silences: Sequence[Window], known: Sequence[Entry]) -> None:
        """Once only: what was suspected before, is older than the market or was never asked for is left alone."""
        seen = [entry.window for entry in known if entry.status in (SUSPECTED, NOT_LISTED)]
        answered = [silence.intersection(window) for silence in silences for window in settled_windows(known)]
        new = [part for silence in answered for part in subtract(silence, seen)]
        new = [part for part in new if part.end_ms - part.start_ms >= SHORTEST_MS]
        for silence in new:
            logger.warning(
                "%s @ %s: no trade in %s while other exchanges traded: a suspected outage, to be asked again later",
                currency_pair, exchange, silence,
            )  # fmt: skip
        self._ledger.record_suspected(currency_pair, exchange, new, "no trade for long while other exchanges traded")
