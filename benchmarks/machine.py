"""The machine that the figures were measured on, without names of hosts or folders."""

import os
import platform
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self


@dataclass(frozen=True, slots=True)
class Machine:
    """Cores that this process may use, memory in GB, and the version of Python."""

    cores: int
    memory_gb: float
    python: str
    system: str

    @classmethod
    def here(cls) -> Self:
        """Return the machine that this runs on."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        system = f"{platform.system()} {platform.machine()}"
        return cls(len(os.sched_getaffinity(0)), memory / 1e9, platform.python_version(), system)

    def __str__(self) -> str:
        return f"{self.cores} cores, {self.memory_gb:.0f} GB of memory, {self.system}, Python {self.python}"


def today() -> date:
    """Return the date in UTC."""
    return datetime.now(UTC).date()
