"""Run benchmarks one after the other and show their results."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.kept_results import Kept, keep, kept_results
from benchmarks.machine import Machine, today
from benchmarks.markdown import markdown_page
from benchmarks.registry import BENCHMARKS
from benchmarks.result import Result
from benchmarks.terminal import terminal_report
from benchmarks.workbench import Workbench

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "development" / "benchmarks.md"
KEPT = REPOSITORY / "build" / "benchmarks"


def run_benchmarks(folder: Path, only: Sequence[str], *, quick: bool) -> list[Result]:
    """Run all benchmarks, or those named in `only`. Keep full results; once there is one of each, write the page.

    If a benchmark fails, the results so far are shown.
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160
    machine = Machine.here()
    results: list[Result] = []
    try:
        with Workbench(folder, quick=quick) as bench:
            for name in only or BENCHMARKS:
                console.print(f"{name} …")
                results.append(BENCHMARKS[name](bench))
                if not quick:
                    keep(KEPT, Kept(results[-1], machine, today()))
    finally:
        console.print(f"\n{machine}", terminal_report(results))
    if not quick:
        _write_page(console)
    return results


def _write_page(console: Console) -> None:
    kept = kept_results(KEPT, list(BENCHMARKS))
    if missing := set(BENCHMARKS) - {one.result.name for one in kept}:
        console.print(f"The page is not written: {', '.join(sorted(missing))} not measured here yet.")
        return
    PAGE.write_text(markdown_page(kept), encoding="utf-8")
    console.print(f"Written to {PAGE.relative_to(REPOSITORY)}")
