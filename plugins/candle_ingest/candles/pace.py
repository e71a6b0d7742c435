"""How often a market trades, and how long a silence can be before it is implausible."""

from collections.abc import Iterable
from dataclasses import dataclass

# A silence is not believed if it would occur by chance less often than once in ten thousand days.
CHANCE_PER_DAY = 1e-4
# With fewer slots the pace is not known.
MIN_SLOTS = 30


@dataclass(frozen=True, slots=True)
class Pace:
    """The number of slots in which a market traded, among those for which the exchange answered."""

    traded: int = 0
    answered: int = 0

    def __add__(self, other: "Pace") -> "Pace":
        return Pace(self.traded + other.traded, self.answered + other.answered)

    @property
    def is_known(self) -> bool:
        """Tell whether there are enough slots to rely on, with a trade in at least one."""
        return self.answered >= MIN_SLOTS and self.traded > 0

    @property
    def share(self) -> float:
        """Return the probability of a trade in a slot, by Laplace's rule of succession: never 0, never 1."""
        return (self.traded + 1) / (self.answered + 2)


# Each day reduces the weight of earlier days by a seventh.
DAYS_REMEMBERED = 7


def pace_after(history: Pace, day: Pace) -> Pace:
    """Return the pace including `day`; older days count for less and less."""
    kept = (DAYS_REMEMBERED - 1) / DAYS_REMEMBERED
    return Pace(int(history.traded * kept), int(history.answered * kept)) + day


def total_pace(paces: Iterable[Pace]) -> Pace:
    """Return the sum of several paces."""
    return sum(paces, Pace())


def is_believable(silent_slots: int, pace: Pace | None, slots_per_day: int) -> bool:
    """Tell whether a silence of this many slots occurs by chance often enough to be believed.

    If a slot has a trade with probability p, independently, a day has about `slots_per_day * p * (1 - p) ** length`
    silences of at least `length` slots: each begins after a trade. If the pace is not known, no silence is believable.
    """
    if pace is None or not pace.is_known:
        return False
    expected: float = slots_per_day * pace.share * (1 - pace.share) ** silent_slots
    return expected > CHANCE_PER_DAY
