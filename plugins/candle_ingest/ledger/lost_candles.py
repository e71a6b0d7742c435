"""Lost candles: their record lists them as stored, but a deletion or an old backup removed them from the bucket."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.window import Window
from candle_ingest.ledger.day_record import NO_CANDLE, DayRecord
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.stretch import Stretch, joined

LOST_REASON = "its candles are gone from exchange_candles, where they were stored before"


def find_lost(record: DayRecord, windows: Sequence[Window], open_times_ms: NDArray[np.int64]) -> list[Window]:
    """Return the parts of `windows` for which the record has candles that are not among the stored `open_times_ms`."""
    places, beside_grid = np.divmod(open_times_ms - record.day_ms, record.slot_ms)
    is_stored = np.zeros(len(record.marks), dtype=np.bool_)
    is_stored[places[(beside_grid == 0) & (places >= 0) & (places < len(is_stored))]] = True
    return record.windows_where(record.slots_in(windows) & (record.mark_array > NO_CANDLE) & ~is_stored)


def reset_lost(record: DayRecord, open_times_ms: NDArray[np.int64], now_ms: int) -> DayRecord:
    """Return the record without the candles that are not among `open_times_ms`: they have failed, and are due at once.

    They do not count as changed: what was merged from them stays until the exchange has answered again.
    """
    lost = record.slots_in(find_lost(record, [record.window], open_times_ms))
    marks = np.where(lost, np.uint8(NO_CANDLE), record.mark_array)
    stretches = [
        Stretch(
            start_ms=window.start_ms,
            end_ms=window.end_ms,
            state=MinuteState.FAILED,
            reason=LOST_REASON,
            since_ms=now_ms,
            due_ms=now_ms,
            candle_lost=True,
        )
        for window in record.windows_where(lost)
    ]
    return replace(record, marks=marks.tobytes(), stretches=joined([*record.stretches, *stretches]))
