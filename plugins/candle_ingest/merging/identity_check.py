"""Check once a day whether each exchange trades the same asset, in the same unit, as the others."""

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.identity import COMMON_MINUTES, Mismatch, close_ratios, compared_exchanges, mismatches
from candle_ingest.candles.merge import Conversion, converted
from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.ledger.day_record import TRADED, DayRecord
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.merged_day import MergedDay
from candle_ingest.merging.day_rates import PairRates
from candle_ingest.merging.verdict import Records
from candle_ingest.store.candle_store import CandleStore

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """Compares each exchange's candles of a day with the others', once they have enough minutes in common."""

    records: DayRecords
    store: CandleStore

    def checked(self, day: MergedDay, records: Records, rates: PairRates) -> MergedDay:
        """Return the day with the refused exchanges; unchanged, without a query, if no exchange is left to compare."""
        if not is_due(day, records, rates.conversion):
            return day
        names = [name for name, record in records.items() if record]
        candles = self.store.read_exchange_candles(day.currency_pair, names, day.window)
        ratios = close_ratios(converted(candles, rates.conversion))
        found = mismatches(ratios)
        if found:
            found = mismatches(ratios, self._established(day, names))
        for mismatch in found:
            logger.error("%s is refused for %s on %s: %s", mismatch.exchange, day.currency_pair, day.window, mismatch)
        return with_verdict(day, compared_exchanges(ratios), found)

    def _established(self, day: MergedDay, names: list[str]) -> list[str]:
        """Return the exchanges that were merged on the day before."""
        before = Window(max(0, day.day_ms - DAY_MS), day.day_ms)
        refused = {
            name for own in self.records.read_merges(before, {day.currency_pair}).values() for name, _ in own.refused
        }
        known = self.records.read(before, {day.currency_pair}).values()
        return [r.exchange for r in known if r.exchange in names and r.last_traded_ms and r.exchange not in refused]


def is_due(day: MergedDay, records: Records, conversion: Conversion) -> bool:
    """Tell whether an exchange that was not compared on that day has enough minutes in common with another."""
    known = {name: record for name, record in records.items() if record}
    new = known.keys() - day.compared
    if not new:
        return False
    traded = {name: _comparable_slots(record, conversion) for name, record in known.items()}
    return any(
        np.count_nonzero(traded[one] & traded[other]) >= COMMON_MINUTES
        for one in new
        for other in traded
        if one != other
    )


def _comparable_slots(record: DayRecord, conversion: Conversion) -> NDArray[np.bool_]:
    """Return the slots with a candle that has volume, and a rate if it needs one; shape: one per slot."""
    traded: NDArray[np.bool_] = record.mark_array == TRADED
    rates = conversion.rates.get(conversion.legs.get(record.exchange, ""))
    if rates is not None:
        times = np.arange(record.window.start_ms, record.window.end_ms, record.slot_ms)
        traded &= ~np.isnan(rates.at(times))
    return traded


def with_verdict(day: MergedDay, compared: Collection[str], found: Iterable[Mismatch]) -> MergedDay:
    """Return the day after a comparison; an exchange that was refused and not compared now stays refused."""
    kept = [(name, reason) for name, reason in day.refused if name not in compared]
    new = [(mismatch.exchange, str(mismatch).partition(": ")[2]) for mismatch in found]
    return replace(day, refused=tuple(sorted([*kept, *new])), compared=tuple(sorted({*day.compared, *compared})))
