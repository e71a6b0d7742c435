"""Results of full runs, kept until they are measured again, so that one page can combine several runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import TypeAdapter

from benchmarks.machine import Machine
from benchmarks.result import Result


@dataclass(frozen=True, slots=True)
class Kept:
    """A result, with the machine and the day of the measurement."""

    result: Result
    machine: Machine
    day: date


_JSON = TypeAdapter(Kept)


def keep(folder: Path, kept: Kept) -> None:
    """Replace the kept result of this benchmark."""
    folder.mkdir(parents=True, exist_ok=True)
    _file(folder, kept.result.name).write_bytes(_JSON.dump_json(kept, indent=2))


def kept_results(folder: Path, names: Sequence[str]) -> list[Kept]:
    """Return the last result of each benchmark ever measured here, in the order of `names`."""
    files = [_file(folder, name) for name in names]
    return [_JSON.validate_json(file.read_bytes()) for file in files if file.exists()]


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"
