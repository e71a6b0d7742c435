"""A separate disk for a server, small enough to fill. Mounting it usually needs root."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

FULL_DISK = "InfluxDB's disk is full"


@contextmanager
def small_disk(folder: Path, megabytes: int = 64) -> Iterator[Path]:
    """Mount a disk in memory at this folder."""
    folder.mkdir(exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True, capture_output=True
    )
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Fill the disk until the end of the block."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (2**20, 4096, 1):
            while _wrote(file.fileno(), size):
                pass
    yield
    filler.unlink()


def _wrote(number: int, size: int) -> bool:
    try:
        return os.write(number, b"x" * size) > 0
    except OSError:
        return False


@cache
def may_mount() -> bool:
    """Return whether such a disk can be mounted here."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder), 1):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False
