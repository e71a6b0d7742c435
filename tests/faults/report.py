"""docs/development/reliability.md, from what the fault tests have seen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.not_tried import not_tried

LONGEST_LINE = 420
HEAD = """# Reliability
Written by `make test-faults`, from the long form of the tests in `tests/faults`: each fault on all exchanges that it
concerns. Each fault was injected while a run fetched, merged and wrote, on a real
InfluxDB, a real Redis and, where it says so, a real Airflow; the exchanges are simulated over HTTP and asked through
unmodified ccxt.
Afterwards the fault was over, the same run was repeated, as Airflow's retry or a repair run does, and the store was
compared with the truth, candle by candle. *Lost*, *doubled* and *wrong* count candles in the end, over all times.
Meanwhile, too, no wrong candle was stored, and the watermark was never ahead of the data.
"""
TITLES = ("fault", "injected by", "times", "the run", "lost", "doubled", "wrong", "what the log said")
AREAS = ("Exchange", "InfluxDB", "Redis", "Clock", "Airflow")
COLUMNS = f"| {' | '.join(TITLES)} |\n{'|---' * len(TITLES)}|\n"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One fault that was tried once, and what came of it."""

    area: str
    name: str
    injected: str
    under: str
    said: str
    lost: int = 0
    doubled: int = 0
    wrong: int = 0


def write_report(path: str, found: Sequence[Evidence], sections: Sequence[str]) -> None:
    """Write one table per area, with one line per fault; then the sections, and what was not tried."""
    parts = [HEAD]
    tried = {evidence.area for evidence in found}
    for area in [area for area in AREAS if area in tried]:
        of_area = [evidence for evidence in found if evidence.area == area]
        parts.append(f"\n## {area}\n{COLUMNS}")
        names = dict.fromkeys(evidence.name for evidence in of_area)
        parts += [_row([evidence for evidence in of_area if evidence.name == name]) for name in names]
    parts += [*sections, "\n## Not tried\n| fault | why |\n|---|---|\n"]
    parts += [f"| {name} | {why} |\n" for name, why in not_tried().items()]
    Path(path).write_text("".join(parts), encoding="utf-8")


def _row(tried: Sequence[Evidence]) -> str:
    first = tried[0]
    sums = " | ".join(str(sum(getattr(e, key) for e in tried)) for key in ("lost", "doubled", "wrong"))
    said = f"`{_plain(first.said)}`" if first.said else ""
    return f"| {first.name} | {first.injected} | {len(tried)} | {first.under} | {sums} | {said} |\n"


def _plain(line: str) -> str:
    """Without what differs from one machine and run to the next."""
    line = re.sub(r"127\.0\.0\.1:\d+|localhost:\d+", "<address>", line)
    line = re.sub(r"port=\d+", "port=<n>", line)
    line = re.sub(r"read timeout=[\d.]+", "read timeout=<n>", line)
    line = re.sub(r"(fault|made)_[0-9a-f]{12}", "<bucket>", line)
    line = re.sub(r"\d{4}-\d\d-\d\d[T ][\d:]+\.\d+(Z|\+00:00)", "<time>", line)
    line = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<id>", line)
    line = re.sub(r" loc=\S+|(?<= ) +", "", line)
    line = re.sub(r"/tmp/[^\s\"\\]+", "<path>", line)
    line = re.sub(r"\b0x[0-9a-f]+", "0x…", line)
    line = line.replace("|", "¦").replace("`", "'").strip()
    return line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + "…"
