"""Find an `influxd` 2.x: on PATH, in the cache, as the official archive, or built from its Go module."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from dev.local_stack import influxd_archive, influxd_source
from dev.local_stack.errors import LocalStackError, ProgramMissingError
from dev.local_stack.file_lock import file_lock

VERSION = "2.9.1"
# A build from source calls itself "dev"; InfluxDB 1.x and 3.x are other programs under the same name.
_USABLE_VERSION = re.compile(r"InfluxDB v?(2\.\d+|dev\b)")

Say = Callable[[str], None]


def _nowhere(text: str) -> None:
    """Discard a line of progress."""


def cache_folder() -> Path:
    """Return the folder for downloads that are kept once per machine."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "candle-ingest"


def find_influxd(say: Say, progress: Say = _nowhere) -> Path:
    """Return the path of a working `influxd` 2.x, downloaded or built if this machine has none.

    `say` gets one line for each step that takes time, `progress` its progress about every second. Raises
    LocalStackError if every way fails.
    """
    on_path = _influxd_on_path(say)
    if on_path is not None:
        return on_path
    binary = cache_folder() / f"influxd-{VERSION}" / "influxd"
    if binary.exists():
        return binary
    binary.parent.mkdir(parents=True, exist_ok=True)
    # Several test workers may need it at once: one fetches it while the others wait.
    waiting = "Waiting for another process that is fetching influxd"
    with file_lock(binary.parent / "influxd.lock", lambda: say(waiting)):
        if not binary.exists():
            _delete_leftovers(binary.parent)
            _provision(binary, say, progress)
    return binary


def _delete_leftovers(folder: Path) -> None:
    """Delete the remains of a download or build that was killed; the caller holds the lock."""
    for prefix in (influxd_archive.FOLDER_PREFIX, influxd_source.FOLDER_PREFIX):
        for left in folder.glob(f"{prefix}*"):
            shutil.rmtree(left)


def _provision(binary: Path, say: Say, progress: Say) -> None:
    archive = influxd_archive.archive_for_this_platform(VERSION)
    if archive is None:
        say(f"InfluxData has no influxd {VERSION} archive for this platform")
    else:
        try:
            influxd_archive.install(archive, binary, say, progress)
        except influxd_archive.ArchiveError as error:
            say(f"{error}; building influxd from source instead")
        else:
            return
    try:
        influxd_source.build(VERSION, binary, say, progress)
    except LocalStackError as error:
        raise ProgramMissingError(
            f"No influxd {VERSION}: {error} Or set INFLUXDB_URL and INFLUXDB_TOKEN to use your own server."
        ) from error


def _influxd_on_path(say: Say) -> Path | None:
    found = shutil.which("influxd")
    if found is None:
        return None
    version = _version_text(found)
    if _USABLE_VERSION.search(version):
        return Path(found)
    say(f"Ignoring {found}: InfluxDB 2.x is needed, but its version is {version[:60]!r}")
    return None


def _version_text(binary: str) -> str:
    try:
        answer = subprocess.run(  # noqa: S603 - found on the user's own PATH
            [binary, "version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (answer.stdout or answer.stderr).strip()
