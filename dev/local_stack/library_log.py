"""Keep what libraries log out of the terminal, which shows lines of the stack only."""

from __future__ import annotations

import logging
from pathlib import Path

LOG = "stack.log"


def log_libraries_to(folder: Path) -> None:
    """Write warnings of this process's libraries to a file in `folder`.

    One of them warns, for example, when the servers end while a request is under way and its retries fail.
    """
    folder.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=folder / LOG, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.captureWarnings(True)
