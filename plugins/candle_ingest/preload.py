"""Imports all that the tasks need, so that a process forked from here starts them at once.

Only what forks tasks imports this: see the plugin beside this package.
"""

import candle_ingest.dag_factory
import candle_ingest.tasks.aggregate_and_write
import candle_ingest.tasks.fetch_candles
import candle_ingest.tasks.read_symbols
import candle_ingest.tasks.validate_symbols  # noqa: F401
