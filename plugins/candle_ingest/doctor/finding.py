"""The finding on one fact of one exchange."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How an observation compares with what is expected."""

    AS_EXPECTED = "as expected"
    DIFFERS = "differs"
    NOT_SEEN = "not seen"
    NO_ANSWER = "no answer"


# Nothing is wrong with these: a fact that cannot be observed today may be observed tomorrow.
HARMLESS = frozenset({Verdict.AS_EXPECTED, Verdict.NOT_SEEN})


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact: what the package relies on, what the exchange does, and whether they agree."""

    exchange: str
    fact: str
    expected: str
    seen: str
    verdict: Verdict

    @property
    def is_harmless(self) -> bool:
        """Tell whether the fact holds, or could not be observed."""
        return self.verdict in HARMLESS


@dataclass(frozen=True, slots=True)
class Observation:
    """What a check observed, before the comparison; `holds` is None if nothing could be observed."""

    seen: str
    holds: bool | None

    @property
    def verdict(self) -> Verdict:
        """Return the verdict on the fact."""
        if self.holds is None:
            return Verdict.NOT_SEEN
        return Verdict.AS_EXPECTED if self.holds else Verdict.DIFFERS
