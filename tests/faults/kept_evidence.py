"""The evidence of each file of fault tests, kept in build/faults until it runs again: all of them take over an hour."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from tests.faults.report import Evidence
from tests.faults.small_disk import may_mount

FOLDER = Path(__file__).resolve().parents[2] / "build" / "faults"
FILES = [
    "test_airflow_faults",
    "test_celery_worker",
    "test_clock",
    "test_endurance",
    "test_faults",
    "test_one_blocked",
    "test_pair_limits",
    "test_whole_days",
]


@dataclass
class Seen:
    """The evidence of one file of tests: each fault that was tried, and further sections of the report, as Markdown."""

    evidence: list[Evidence] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)


_JSON = TypeAdapter(Seen)


def keep(seen: dict[str, Seen]) -> None:
    """Replace the kept evidence of these files of tests."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, one in seen.items():
        (FOLDER / f"{name}.json").write_bytes(_JSON.dump_json(one, indent=1))


def kept() -> Seen | None:
    """Return all kept evidence; None if a file of tests has never run here completely."""
    paths = [FOLDER / f"{name}.json" for name in FILES + (["test_full_disk"] if may_mount() else [])]
    if not all(path.exists() for path in paths):
        return None
    pieces = [_JSON.validate_json(path.read_bytes()) for path in paths]
    return Seen([e for one in pieces for e in one.evidence], [text for one in pieces for text in one.sections])
