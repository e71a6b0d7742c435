"""What a benchmark found."""

from dataclasses import dataclass

from benchmarks.figures import Figures

TIMES = "×"


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should be: at least, or at most, so much."""

    figure: float
    at_least: bool

    def met_by(self, figure: float) -> bool:
        """Tell whether the figure is good enough."""
        return figure >= self.figure if self.at_least else figure <= self.figure


def at_least(figure: float) -> Target:
    """Return a target for a figure that should be high."""
    return Target(figure, at_least=True)


def at_most(figure: float) -> Target:
    """Return a target for a figure that should be low."""
    return Target(figure, at_least=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One row of the table.

    `what` says what was measured against what. `unit` belongs to figures and target: `×` for a ratio, `s`,
    `MB` or `/s`. `detail` says what else was seen. `falls_short_because` is one sentence, found by profiling; it is
    shown only where the target is missed.
    """

    name: str
    what: str
    figures: Figures
    unit: str = TIMES
    target: Target | None = None
    detail: str = ""
    falls_short_because: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the median meets the target; None where there is none."""
        return None if self.target is None else self.target.met_by(self.figures.median)
