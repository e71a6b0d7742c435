"""The result of a benchmark."""

from dataclasses import dataclass

from benchmarks.figures import Figures

TIMES = "×"


@dataclass(frozen=True, slots=True)
class Target:
    """A lower or an upper bound for a figure."""

    figure: float
    at_least: bool

    def met_by(self, figure: float) -> bool:
        """Return whether the figure is good enough."""
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

    `what` says what was measured against what. `unit` is that of figures and target: `×` for a ratio, `s`, `MB` or
    `/s`. `detail` adds other observations. `falls_short_because` is a reason found by profiling; it is shown only if
    the target is missed.
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
        """Return whether the median meets the target; None without a target."""
        return None if self.target is None else self.target.met_by(self.figures.median)
