"""Check once a day whether each exchange trades the same asset, in the same unit, as the others."""

import logging
from dataclasses import dataclass, replace

import numpy as np

from candle_ingest.candles.identity import COMMON_MINUTES, mismatches
from candle_ingest.candles.merge import converted
from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.ledger.day_record import TRADED
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.merged_day import MergedDay
from candle_ingest.merging.day_rates import PairRates
from candle_ingest.merging.verdict import Records
from candle_ingest.store.candle_store import CandleStore

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """Compares the exchanges' candles of a day once they have enough minutes in common."""

    records: DayRecords
    store: CandleStore

    def checked(self, day: MergedDay, records: Records, rates: PairRates) -> MergedDay:
        """Return the day with the refused exchanges; unchanged if already checked, or if too little is known.

        A refused exchange stays refused until the next check finds that it agrees.
        """
        if day.identity_checked or not _is_comparable(records):
            return day
        names = [name for name, record in records.items() if record]
        candles = self.store.read_exchange_candles(day.currency_pair, names, day.window)
        prices = converted(candles, rates.conversion)
        found = mismatches(prices)
        if found:
            found = mismatches(prices, self._established(day, names))
        for mismatch in found:
            logger.error("%s is refused for %s on %s: %s", mismatch.exchange, day.currency_pair, day.window, mismatch)
        refused = tuple((mismatch.exchange, str(mismatch).partition(": ")[2]) for mismatch in found)
        return replace(day, refused=refused, identity_checked=True)

    def _established(self, day: MergedDay, names: list[str]) -> list[str]:
        """Return the exchanges that were merged on the day before."""
        before = Window(max(0, day.day_ms - DAY_MS), day.day_ms)
        refused = {
            name for own in self.records.read_merges(before, {day.currency_pair}).values() for name, _ in own.refused
        }
        known = self.records.read(before, {day.currency_pair}).values()
        return [r.exchange for r in known if r.exchange in names and r.last_traded_ms and r.exchange not in refused]


def _is_comparable(records: Records) -> bool:
    """Tell whether two exchanges traded in enough common minutes for a comparison."""
    traded = [record.mark_array == TRADED for record in records.values() if record]
    return any(
        np.count_nonzero(one & other) >= COMMON_MINUTES for place, one in enumerate(traded) for other in traded[:place]
    )
