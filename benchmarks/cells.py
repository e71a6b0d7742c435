"""The cells of the table, as text: the same for the terminal and for Markdown."""

from benchmarks.result import Result

HEADINGS = ("Benchmark", "What", "Figure", "Target", "Met", "Runs", "Lowest to highest")


def cells(result: Result) -> tuple[str, ...]:
    """Return one text for each of HEADINGS."""
    return (
        result.name,
        result.what + (f" ({result.detail})" if result.detail else ""),
        with_unit(result.figures.median, result.unit),
        _target(result),
        {True: "yes", False: "no", None: "-"}[result.met],
        str(len(result.figures)),
        f"{number(result.figures.lowest)} to {number(result.figures.highest)}",
    )


def _target(result: Result) -> str:
    if result.target is None:
        return "-"
    sign = "≥" if result.target.at_least else "≤"
    return f"{sign} {with_unit(result.target.figure, result.unit)}"


def with_unit(figure: float, unit: str) -> str:
    """Return a text such as `0.93 ×` or `131 MB`."""
    return f"{number(figure)} {unit}"


def number(figure: float) -> str:
    """Return the number with two decimals below ten, one below a hundred, and none above."""
    decimals = 2 if abs(figure) < 10 else 1 if abs(figure) < 100 else 0
    return f"{figure:,.{decimals}f}"


def shortfalls(results: list[Result]) -> list[str]:
    """Return a sentence for each result that misses its target."""
    return [
        f"{result.name}: {result.falls_short_because or 'not investigated yet.'}"
        for result in results
        if result.met is False
    ]
