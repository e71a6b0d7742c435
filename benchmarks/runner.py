"""Runs benchmarks one after the other and shows what they found."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.machine import Machine, today
from benchmarks.markdown import markdown_page
from benchmarks.registry import BENCHMARKS
from benchmarks.result import Result
from benchmarks.terminal import terminal_report
from benchmarks.workbench import Workbench

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


def run_benchmarks(folder: Path, only: Sequence[str], *, quick: bool) -> list[Result]:
    """Run all benchmarks, or those named in `only`; the page is written when all ran in full.

    Where one of them breaks off, what was measured before it is shown.
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160
    results: list[Result] = []
    try:
        with Workbench(folder, quick=quick) as bench:
            results.extend(_run(name, bench, console) for name in only or BENCHMARKS)
    finally:
        machine = Machine.here()
        console.print(f"\n{machine}", terminal_report(results))
    if not only and not quick:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(markdown_page(results, machine, today()), encoding="utf-8")
        console.print(f"Written to {PAGE.relative_to(PAGE.parents[1])}")
    return results


def _run(name: str, bench: Workbench, console: Console) -> Result:
    console.print(f"{name} …")
    return BENCHMARKS[name](bench)
