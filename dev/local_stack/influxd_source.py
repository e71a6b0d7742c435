"""Build `influxd` from its Go module, for platforms without an archive and machines that can't download one.

`go install module@version` refuses a module with a `replace`, so `influxd_build/` is a small module of our
own: its `go.mod` names the two programs as tools, its `go.sum` pins every dependency by checksum.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dev.local_stack import reaper
from dev.local_stack.errors import ProgramMissingError
from dev.local_stack.process_session import stop_session
from dev.local_stack.shortened import shortened

_MODULE_FOLDER = Path(__file__).parent / "influxd_build"
_INFLUXD = "github.com/influxdata/influxdb/v2/cmd/influxd"
# InfluxData's own pkg-config builds the Rust part (Flux) when cgo asks for its compiler flags.
_PKG_CONFIG = "github.com/influxdata/pkg-config"
_TOOLS = {
    "go": "Go 1.25 or newer (https://go.dev/dl)",
    "cargo": "Rust (https://rustup.rs)",
    "cc": "a C compiler (for example: apt install gcc)",
}
_POLL_SECONDS = 1
FOLDER_PREFIX = "build-"
# The output of `go build -v`: the path of each package as it is built, and each module that it fetches.
_PACKAGE = re.compile(r"^[\w.~-]+(/[\w.~-]+)*$", re.MULTILINE)
_FETCHED = re.compile(r"^go: downloading ", re.MULTILINE)

Say = Callable[[str], None]


def build(version: str, binary: Path, say: Say, progress: Say) -> None:
    """Build `influxd` and put it at `binary` atomically. Raises LocalStackError."""
    missing = missing_tools()
    if missing:
        raise ProgramMissingError(f"to build it, install {' and '.join(missing)}, then try again.")
    say(f"Building influxd {version} from source, about 4 to 8 minutes on two cores, once")
    say("Go fetches its modules first; behind a proxy it needs HTTPS_PROXY or GOPROXY, and SSL_CERT_FILE for its CA")
    started = time.monotonic()
    log = binary.parent / "build.log"
    with (
        tempfile.TemporaryDirectory(dir=binary.parent, prefix=FOLDER_PREFIX) as name,
        _go_cache(binary) as go_cache,
    ):
        folder = Path(name)
        for file in ("go.mod", "go.sum"):
            shutil.copy(_MODULE_FOLDER / file, folder)
        environment = {**_environment(folder), **go_cache}
        log.unlink(missing_ok=True)
        _run(["go", "build", "-v", "-o", "pkg-config", _PKG_CONFIG], folder, environment, log, progress)
        tags = "sqlite_foreign_keys,sqlite_json"
        _run(["go", "build", "-v", "-tags", tags, "-o", "influxd", _INFLUXD], folder, environment, log, progress)
        (folder / "influxd").rename(binary)
    say(f"influxd {version} was built in {_minutes(time.monotonic() - started)}, and is kept in {binary.parent}")


def missing_tools() -> list[str]:
    """Return the tools that a build needs and this machine lacks, each with where to get it."""
    return [advice for tool, advice in _TOOLS.items() if shutil.which(tool) is None]


@contextmanager
def _go_cache(binary: Path) -> Iterator[dict[str, str]]:
    """Yield the variable for a temporary Go cache if the path of the usual one has a space; otherwise nothing.

    The flags of the Rust part contain that path, and Go splits them at spaces. Go's usual cache is beside ours.
    """
    if " " not in os.environ.get("GOCACHE", str(binary)):
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="candle-ingest-go-") as name:
        yield {"GOCACHE": name}


def _environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        # In quotes: Go splits it at spaces.
        "PKG_CONFIG": f"'{folder / 'pkg-config'}'",
        # The Rust part pins a toolchain that is rarely installed, and newer compilers refuse a lint in it.
        "RUSTUP_TOOLCHAIN": os.environ.get("RUSTUP_TOOLCHAIN") or _installed_toolchain(),
        "RUSTFLAGS": "--cap-lints warn",
        # A work file or vendor setting of the user's would be applied to our module.
        "GOWORK": "off",
        "GOFLAGS": "-mod=readonly",
    }


def _installed_toolchain() -> str:
    """Return the rustup toolchain that the user has as default; plain `cargo` without rustup ignores the name."""
    if shutil.which("rustup") is None:
        return "stable"
    answer = subprocess.run(
        ["rustup", "default"],  # noqa: S607 - the user's own rustup
        capture_output=True,
        text=True,
        check=False,
    )
    return (answer.stdout.split() or ["stable"])[0]


def _run(command: list[str], folder: Path, environment: Mapping[str, str], log: Path, progress: Say) -> None:
    """Run a build step with its output in `log`, and show its progress."""
    started = time.monotonic()
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - a fixed command
            command, cwd=folder, env=environment, stdout=out, stderr=out, start_new_session=True
        )
        # Ctrl-C may come while the reaper starts.
        try:
            reaper.watch(process.pid)
            while _still_running(process):
                progress(f"Building influxd: {_progress_text(log)}, {_minutes(time.monotonic() - started)} so far")
        finally:
            if process.poll() is None:
                stop_session(process)
            reaper.forget(process.pid)
    if process.returncode != 0:
        raise ProgramMissingError(f"the build failed: {_reason(log)} (all of it: {log}).")


def _still_running(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False


def _progress_text(log: Path) -> str:
    written = log.read_text(errors="replace")
    packages, modules = len(_PACKAGE.findall(written)), len(_FETCHED.findall(written))
    return f"{packages} packages built" if packages else f"{modules} modules fetched"


def _reason(log: Path) -> str:
    """Return the last line with an error: packages that were being built at the time are still listed after it."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    said = [line for line in lines if line and not _PACKAGE.match(line) and not _FETCHED.match(line)]
    return shortened(said[-1]) if said else "no output"


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"
