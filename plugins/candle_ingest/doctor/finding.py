"""What the doctor says of one fact of one exchange."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How what was seen compares with what is expected."""

    AS_EXPECTED = "as expected"
    DIFFERS = "differs"
    NOT_SEEN = "not seen"
    NO_ANSWER = "no answer"


# With these nothing is wrong: a fact that could not be seen today may be seen tomorrow.
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
        """Whether the fact holds, or could not be seen."""
        return self.verdict in HARMLESS


@dataclass(frozen=True, slots=True)
class Observation:
    """What a check saw, before it is put beside what was expected. `holds` None: it could not be seen."""

    seen: str
    holds: bool | None

    @property
    def verdict(self) -> Verdict:
        """The verdict on the fact."""
        if self.holds is None:
            return Verdict.NOT_SEEN
        return Verdict.AS_EXPECTED if self.holds else Verdict.DIFFERS
