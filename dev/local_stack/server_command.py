"""The command of one server process: the local stack gives it to honcho, the tests run it themselves."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class ServerCommand:
    """A program with its arguments, the folder it runs in and its whole environment."""

    name: str
    argv: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    @property
    def shell_line(self) -> str:
        """Return the command for a shell; it replaces the shell, so that none remains in between."""
        return f"exec {shlex.join(self.argv)}"
