"""Find PostgreSQL's programs, and run them as somebody whom they accept."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

from dev.local_stack.errors import LocalStackError

# Debian and Ubuntu keep the server's programs out of the PATH, one folder for each version.
_DEBIAN_FOLDER = Path("/usr/lib/postgresql")


def find_postgres() -> Path:
    """The folder that holds `initdb` and `postgres`. Raises LocalStackError when there is none."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path else []
    folders += sorted(_DEBIAN_FOLDER.glob("*/bin"), key=_version, reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise LocalStackError(
        "EXECUTOR=celery needs PostgreSQL: install it (Debian, Ubuntu: apt-get install postgresql), "
        "or set AIRFLOW_DATABASE_URL to an empty PostgreSQL database of yours."
    )


def as_accepted_user(*argv: str) -> tuple[str, ...]:
    """The same command; for root as user nobody, because PostgreSQL refuses to run as root.

    Nobody may not enter root's folders: the one capability that it keeps is to pass file permissions.
    """
    if os.geteuid() != 0:
        return argv
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise LocalStackError(
            "PostgreSQL refuses to run as root, and setpriv, which makes it another user, is missing: "
            "install util-linux, or run make as another user."
        )
    nobody = pwd.getpwnam("nobody")
    user = (f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
    return (setpriv, *user, "--inh-caps=+dac_override", "--ambient-caps=+dac_override", *argv)


def _version(folder: Path) -> float:
    name = folder.parent.name
    return float(name) if name.replace(".", "", 1).isdecimal() else 0.0
