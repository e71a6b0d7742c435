"""The results as a page of the documentation."""

from collections.abc import Sequence

from benchmarks.cells import HEADINGS, cells, shortfalls
from benchmarks.kept_results import Kept
from benchmarks.result import Result

_INTRODUCTION = """\
# Benchmarks
Written by `make bench`. Redis, InfluxDB and the exchange simulator are real servers on the same machine, and share its
cores with what is measured.

A ratio (×) compares the speed of this package with another way to do the same work, unless the row says otherwise; the
two take turns in one run. The figure is the median of the runs. Ratios carry over to other machines better than times.
"""


def markdown_page(kept: Sequence[Kept]) -> str:
    """Return the whole page."""
    measured = sorted({f"Measured on {one.day.isoformat()}: {one.machine}." for one in kept})
    results = [one.result for one in kept]
    lines = [_INTRODUCTION, *measured, "", *_table(results)]
    if sentences := shortfalls(results):
        lines += ["", "## Missed targets", *(f"- {sentence}" for sentence in sentences)]
    return "\n".join(lines) + "\n"


def _table(results: Sequence[Result]) -> list[str]:
    rows = [HEADINGS, ("---",) * len(HEADINGS), *map(cells, results)]
    return ["| " + " | ".join(_escaped(cell) for cell in row) + " |" for row in rows]


def _escaped(cell: str) -> str:
    return cell.replace("|", r"\|").replace("\n", " ")
