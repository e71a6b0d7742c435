"""The merged day of a pair: which slots are merged, and what the others wait for."""

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.quality_codes import QualityCounts, count_codes
from candle_ingest.candles.window import DAY_MS, Window, contiguous_end_ms
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.marked_day import MarkedDay, Span
from candle_ingest.ledger.minute_state import CoverageCounts, MinuteState

# A slot's mark in a merged day.
NOT_MERGED, WITHOUT_CANDLE, WITH_CANDLE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Waiting(Span):
    """A part of the day without enough usable answers: why, and since when.

    `missing` has the state of each exchange that has none.
    """

    reason: str
    since_ms: int
    missing: dict[str, MinuteState] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MergedDay(MarkedDay):
    """What is merged of one pair on the UTC day that begins at `day_ms`.

    `marks` has one byte per slot: NOT_MERGED, WITHOUT_CANDLE (merged, no trades) or WITH_CANDLE. `state` is final if
    every exchange in the settings is final and nothing waits. `version` is that of the last merge, `method` the
    settings it was merged with, `announced` whether the event of the final day was sent; a merge reads that but never
    writes it. `counts` has the slots by state, summed over the `exchanges` in the settings at the last merge, and
    `unconfirmed` how many of them had no closing look because it was given up.

    `rates_version` is the newest answer of a rate market used for conversion. `refused` has the exchanges that trade
    something else under the same ticker, each with its reason; `compared` has those whose prices were compared with
    others on that day. `qualities` has one byte per slot (`quality_codes`), 0 for a slot without a quality.
    """

    state: RecordState = RecordState.PROVISIONAL
    waiting: tuple[Waiting, ...] = ()
    version: int = 0
    method: str = ""
    announced: bool = False
    counts: CoverageCounts = field(default_factory=CoverageCounts)
    exchanges: int = 0
    unconfirmed: int = 0
    rates_version: int = 0
    refused: tuple[tuple[str, str], ...] = ()
    compared: tuple[str, ...] = ()
    qualities: bytes = b""

    @property
    def quality_array(self) -> NDArray[np.uint8]:
        """Return the quality codes of the slots."""
        return np.frombuffer(self.qualities or bytes(len(self.marks)), dtype=np.uint8)

    @property
    def quality_counts(self) -> QualityCounts:
        """Count the slots by grade and by what was excluded, clamped, disputed and so on."""
        return count_codes(self.quality_array)

    @property
    def merged_slots(self) -> int:
        """Count the merged slots, with or without a candle."""
        return int((self.mark_array > NOT_MERGED).sum())

    @property
    def candles(self) -> int:
        """Count the merged candles."""
        return int((self.mark_array == WITH_CANDLE).sum())

    @property
    def waiting_slots(self) -> int:
        """Count the slots that wait for an answer."""
        return sum(waiting.window.slots(self.slot_ms) for waiting in self.waiting)

    def merged_windows(self) -> list[Window]:
        """Return the merged windows, with neighbours joined."""
        return self.windows_where(self.mark_array > NOT_MERGED)

    def merged_until_ms(self, start_ms: int) -> int:
        """Return the end of the merged slots that follow `start_ms` without a gap."""
        return contiguous_end_ms(start_ms, self.merged_windows())


def new_merged_day(currency_pair: str, day_ms: int, slot_ms: int) -> MergedDay:
    """Return the record of a day with nothing merged."""
    return MergedDay(currency_pair=currency_pair, day_ms=day_ms, marks=bytes(DAY_MS // slot_ms))


def merged_day_fields(day: MergedDay) -> dict[str, Any]:
    """Return the fields of its point: `merge_days`, tag `currency_pair`, time midnight UTC.

    Years of them are added up without reading `record`: `exchanges` integer, and one integer for each state of a slot
    (`present` to `not_asked`), summed over these exchanges, which add up to `exchanges` times `expected`; `unconfirmed`
    counts those of them whose closing looks failed until they were given up. `grade_a` to `grade_d` count the merged
    minutes by the grade that they have once the day is final; `excluded`, `clamped`, `disputed`, `converted`, `depeg`
    those with such a mark.
    """
    counts = day.counts.to_dict()
    return {
        "state": str(day.state),
        "expected": len(day.marks),
        "merged": day.merged_slots,
        "candles": day.candles,
        "waiting": day.waiting_slots,
        "exchanges": day.exchanges,
        **{state: counts[state] for state in MinuteState},
        "unconfirmed": day.unconfirmed,
        **day.quality_counts.to_dict(),
        "merged_version": day.version,
        "merge_method": day.method,
        "final": int(day.state == RecordState.FINAL),
        "record": json.dumps(_content(day), separators=(",", ":")),
    }


def _content(day: MergedDay) -> dict[str, Any]:
    """Return the fields that are not added up over days; `merged_day_from_row` reads them."""
    return {
        "marks": _packed(day.marks),
        "qualities": _packed(day.qualities),
        "waiting": [asdict(waiting) for waiting in day.waiting],
        "counts": day.counts.to_dict(),
        "exchanges": day.exchanges,
        "unconfirmed": day.unconfirmed,
        "rates_version": day.rates_version,
        "refused": dict(day.refused),
        "compared": day.compared,
    }


def merged_day_from_row(row: Mapping[str, str], day_ms: int) -> MergedDay:
    """Return the merge day of a pivoted row. Raises ValueError if the row is anything else."""
    try:
        content = json.loads(row["record"])
        return MergedDay(
            currency_pair=row["currency_pair"],
            day_ms=day_ms,
            marks=_unpacked(content["marks"]),
            qualities=_unpacked(content["qualities"]),
            state=RecordState(row["state"]),
            waiting=tuple(Waiting(**values) for values in content["waiting"]),
            version=int(row["merged_version"]),
            method=row["merge_method"],
            announced=row.get("announced") == "1",
            counts=CoverageCounts(**content["counts"]),
            exchanges=content["exchanges"],
            unconfirmed=content["unconfirmed"],
            rates_version=int(content["rates_version"]),
            refused=tuple(content["refused"].items()),
            compared=tuple(content["compared"]),
        )
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise ValueError(f"not the record of a merged day: {error!r}") from None


def _packed(values: bytes) -> str:
    return base64.b64encode(zlib.compress(values)).decode()


def _unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))


def worst_state(states: Iterable[RecordState]) -> RecordState:
    """Return the least final of these states; provisional if there are none."""
    order = (RecordState.OPEN, RecordState.PROVISIONAL, RecordState.UNOBTAINABLE, RecordState.FINAL)
    return min(states, key=order.index, default=RecordState.PROVISIONAL)
