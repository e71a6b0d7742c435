"""The states of a minute (more exactly, of a candle's slot) on one exchange."""

from dataclasses import asdict, dataclass, fields
from enum import StrEnum


class MinuteState(StrEnum):
    """What is known about one slot of one exchange."""

    # A sound candle is stored.
    PRESENT = "present"
    # The exchange answered without a candle, which is believable.
    QUIET = "quiet"
    # Silent, although the exchange has traded since and was asked again.
    OUTAGE = "outage"
    # Before the market's first candle, or the exchange does not list the pair.
    NOT_LISTED = "not_listed"
    # The exchange answered without a candle, which is not believable yet.
    SILENT = "silent"
    # The row cannot be trusted.
    REJECTED = "rejected"
    # No answer.
    FAILED = "failed"
    # Retried for days without success, or no longer served: not requested again, except on demand.
    UNOBTAINABLE = "unobtainable"
    # The exchange was not asked yet.
    NOT_ASKED = "not_asked"


# Stretches in these states are retried until they are settled.
RETRIED = frozenset({MinuteState.SILENT, MinuteState.REJECTED, MinuteState.FAILED})
# The answer is settled. A silent minute can be merged as well, but only until its day is over.
SETTLED = frozenset({MinuteState.PRESENT, MinuteState.QUIET, MinuteState.OUTAGE, MinuteState.NOT_LISTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageCounts:
    """Count slots by state. The counts after `expected` add up to it."""

    expected: int = 0
    present: int = 0
    quiet: int = 0
    outage: int = 0
    not_listed: int = 0
    silent: int = 0
    rejected: int = 0
    failed: int = 0
    unobtainable: int = 0
    not_asked: int = 0

    def __add__(self, other: "CoverageCounts") -> "CoverageCounts":
        return CoverageCounts(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    @property
    def settled(self) -> int:
        """Count the slots whose answer is settled: present, quiet, outage or not listed."""
        return self.present + self.quiet + self.outage + self.not_listed

    @property
    def open(self) -> int:
        """Count the slots that still need an answer; unobtainable ones do not."""
        return self.silent + self.rejected + self.failed + self.not_asked

    def to_dict(self) -> dict[str, int]:
        """Return the counts by name, `expected` first."""
        return asdict(self)
