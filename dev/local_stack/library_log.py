"""Keep what libraries log out of the terminal, which shows lines of the stack only."""

from __future__ import annotations

import logging
from pathlib import Path

LOG = "stack.log"


def log_libraries_to(folder: Path) -> None:
    """Write what the libraries of this process warn of to a file in `folder`.

    While the servers end, a request that is still under way is retried in vain, and its library says so.
    """
    folder.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=folder / LOG, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.captureWarnings(True)
