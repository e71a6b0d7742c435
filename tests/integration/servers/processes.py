"""Processes of a test that work at the same time, as Airflow's workers do."""

from __future__ import annotations

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import forkserver

import pytest

# What takes seconds to import.
PRELOADED = ["ccxt", "candle_ingest.fetching.fetch_candles", __name__]


def process_pool(count: int) -> ProcessPoolExecutor:
    """Return a pool of so many processes with the variables of this one, and nothing else that a test has changed.

    All are forks of one server, which has imported the package once.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with pytest.MonkeyPatch.context() as patch:
        # The server gets no sys.path, and ignores what it cannot import.
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        forkserver.ensure_running()
    # The server keeps the variables that were set when it started.
    return ProcessPoolExecutor(count, context, initializer=_set_variables, initargs=(dict(os.environ),))


def _set_variables(variables: dict[str, str]) -> None:
    os.environ.update(variables)
