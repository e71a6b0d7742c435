"""The section on endurance in docs/development/reliability.md."""

from __future__ import annotations

import statistics
import textwrap
from collections import Counter
from dataclasses import dataclass, field

from tests.faults.process_memory import Memory

SHARED = "Memory pages that a forked process shares with its parent are counted for both."


@dataclass(kw_only=True)
class Endurance:
    """The result of a long run; lags in seconds."""

    minutes: float
    seed: int
    symbols: int
    exchanges: int
    faults: Counter[str] = field(default_factory=Counter)
    lags: list[float] = field(default_factory=list)
    last_lag: float = 0.0
    runs: Counter[str] = field(default_factory=Counter)
    candles: int = 0
    memory_before: dict[str, Memory] = field(default_factory=dict)
    memory_after: dict[str, Memory] = field(default_factory=dict)
    series: int = 0
    series_expected: str = ""

    def section(self) -> str:
        """Return the section as Markdown."""
        return "".join([self._what(), _table(("fault", "times"), sorted(self.faults.items())), self._memory()])

    def _what(self) -> str:
        runs = ", ".join(f"{count} × {run}" for run, count in sorted(self.runs.items()))
        said = f"""
            A real Airflow scheduler ran catch-up every minute and repair every three minutes for {self.minutes:.0f}
            minutes, with {self.symbols} symbols on {self.exchanges} exchanges and {self.faults.total()} faults at
            random times (seed {self.seed}). Then the faults stopped. After a quiet period, all {self.candles:,} candles
            since the first run equalled those of the exchanges: none was lost, duplicated or wrong. The watermark was
            never ahead of them.

            Runs: {runs}. The watermark lagged behind the present by at most
            {max([*self.lags, self.last_lag]):.0f} s, by {statistics.median(self.lags):.0f} s in the median, and by
            {self.last_lag:.0f} s at the end. InfluxDB had {self.series} series, as the design implies:
            {self.series_expected}.
        """
        paragraphs = [textwrap.fill(" ".join(text.split()), 119) for text in said.split("\n\n")]
        return "\n## Endurance\n" + "\n\n".join(paragraphs) + "\n\n"

    def _memory(self) -> str:
        memory = "memory in MB, after the warm-up → at the end"
        titles = (memory, "main process", "all long-lived processes", "processes")
        rows = [
            (name, *(f"{first:.0f} → {last:.0f}" for first, last in zip(before, self.memory_after[name], strict=True)))
            for name, before in self.memory_before.items()
        ]
        return f"\n{_table(titles, rows)}\n{SHARED}\n"


def _table(titles: tuple[str, ...], rows: list[tuple]) -> str:
    lines = [titles, ("---",) * len(titles), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
