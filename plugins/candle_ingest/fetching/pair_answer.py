"""The answer of one exchange for one pair in one fetch, and the looks that are made from it."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.row_checks import Page
from candle_ingest.candles.window import Window, split_days, subtract, union
from candle_ingest.errors import CandleIngestError
from candle_ingest.errors.ledger import UnreadableRecordError
from candle_ingest.ledger.day_record import ClosingRule
from candle_ingest.ledger.look import Found, Look
from candle_ingest.ledger.task_instance_ref import TaskInstanceRef
from candle_ingest.planning.request_planner import closing_part

# `kraken, BTC/USD 1m candles of […): `, the prefix with which an error names its request.
_PLACE = re.compile(r"\S+, \S+ (?:\S+ candles|trades) of \[[^)]*\): ")


@dataclass
class PairAnswer:
    """The answer of an exchange for the windows `wanted`.

    `error` is why a part of them failed. `unreadable` is set if the records of the pair cannot be read, so that the
    answer cannot be recorded.
    """

    currency_pair: str
    market: str
    wanted: list[Window]
    asked_at_ms: int
    slot_ms: int
    pages: list[Page] = field(default_factory=list)
    not_listed: list[Found] = field(default_factory=list)
    calls: int = 0
    duration_ms: int = 0
    source: str = "api"
    error: CandleIngestError | None = None
    unreadable: UnreadableRecordError | None = None

    @cached_property
    def candles(self) -> Candles:
        """Return the sound candles of all pages; where pages overlap, the later one counts. Read it after the last."""
        found = Candles.concatenate([page.checked.candles for page in self.pages])
        is_last = np.diff(found.open_time_ms, append=-1) != 0
        return found.select(is_last)

    @property
    def rejected(self) -> list[Found]:
        """Return the slots whose rows cannot be trusted."""
        return [
            Found(Window(slot_ms, slot_ms + self.slot_ms), page.checked.rejected_in_words)
            for page in self.pages
            for slot_ms in sorted(page.checked.rejected_slots)
        ]

    @property
    def missing(self) -> list[Window]:
        """Return the windows that lack rows, if the exchange sends a row for every slot."""
        lacking = {slot_ms for page in self.pages for slot_ms in page.checked.missing_slots}
        return union(Window(slot_ms, slot_ms + self.slot_ms) for slot_ms in lacking)

    @property
    def corrections(self) -> Counter[str]:
        """Count the corrected rows, by kind of correction."""
        return sum((page.checked.corrections for page in self.pages), Counter())

    def failed(self) -> list[Found]:
        """Return what was requested and not answered, with the reason."""
        failed = [page for page in self.pages if page.failed_reason and not page.unobtainable]
        found = [Found(page.window, _without_place(page.failed_reason)) for page in failed]
        if self.error is not None:
            answered = union(page.window for page in self.pages)
            reason = _without_place(str(self.error))
            found += [Found(part, reason) for window in self.wanted for part in subtract(window, answered)]
        return found

    def unobtainable(self) -> list[Found]:
        """Return what the exchange no longer serves."""
        return [Found(page.window, page.failed_reason) for page in self.pages if page.unobtainable]

    def looks(self, rule: ClosingRule, changed: Sequence[Window], recorder: TaskInstanceRef) -> Iterator[Look]:
        """Yield one look for each part of a day that was requested, or that the answer covers beyond that."""
        candles = self.candles
        traded_ms = candles.traded_ms()
        rejected, failed, unobtainable, missing = self.rejected, self.failed(), self.unobtainable(), self.missing
        covered = union([*self.wanted, *(page.window for page in self.pages)])
        for part in itertools.chain.from_iterable(map(split_days, covered)):
            yield Look(
                window=part,
                asked_at_ms=self.asked_at_ms,
                market=self.market,
                open_times_ms=_between(candles.open_time_ms, part),
                traded_ms=_between(traded_ms, part),
                changed=_parts(changed, part),
                closing=closing_part(part, self.asked_at_ms, rule),
                source=self.source,
                recorder=recorder,
                rejected=_within(rejected, part),
                failed=_within(failed, part),
                unobtainable=_within(unobtainable, part),
                not_listed=_within(self.not_listed, part),
                missing=_parts(missing, part),
            )


def _between(times_ms: NDArray[np.int64], window: Window) -> NDArray[np.int64]:
    first, last = np.searchsorted(times_ms, [window.start_ms, window.end_ms])
    return times_ms[first:last]


def _within(found: Sequence[Found], window: Window) -> tuple[Found, ...]:
    return tuple(Found(part, one.reason) for one in found if (part := one.window.intersection(window)))


def _parts(windows: Sequence[Window], window: Window) -> tuple[Window, ...]:
    return tuple(part for one in windows if (part := one.intersection(window)))


def _without_place(reason: str) -> str:
    """Return the reason without the exchange, market and times, which the caller adds anyway."""
    return _PLACE.sub("", reason, count=1)
