"""Write docs/development/reliability.md from the evidence of the fault tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.not_tried import not_tried

MAX_LINE_LENGTH = 420
HEAD = """# Reliability
Written by `make test-faults`, the long form of the tests in `tests/faults`. Each fault was injected while a run
fetched, merged and wrote, on every exchange that it can affect. InfluxDB and Redis were real, and in the sections
*Airflow* and *Endurance* so was Airflow; the exchanges were simulated, and unmodified ccxt talked to them over HTTP.

Once the fault was over, the same run was repeated, as a retry by Airflow or a repair run would do, and every stored
candle was compared with the truth. *Lost*, *duplicated* and *wrong* count the candles that differed after that, over
all *times* that the fault was injected. No wrong candle was stored while a fault lasted either, and the watermark was
never ahead of the data.
"""
TITLES = ("fault", "injected by", "times", "the run", "lost", "duplicated", "wrong", "what the log said")
AREAS = ("Exchange", "InfluxDB", "Redis", "Clock", "Airflow")
COLUMNS = f"| {' | '.join(TITLES)} |\n{'|---' * len(TITLES)}|\n"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One injection of a fault, and its result."""

    area: str
    name: str
    injected: str
    outcome: str
    said: str
    lost: int = 0
    duplicated: int = 0
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
    sums = " | ".join(str(sum(getattr(e, key) for e in tried)) for key in ("lost", "duplicated", "wrong"))
    said = f"`{_plain(first.said)}`" if first.said else ""
    return f"| {first.name} | {first.injected} | {len(tried)} | {first.outcome} | {sums} | {said} |\n"


def _plain(line: str) -> str:
    """Return the line without what differs from one machine or run to the next."""
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
    return line if len(line) <= MAX_LINE_LENGTH else line[:MAX_LINE_LENGTH] + "…"
