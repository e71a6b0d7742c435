"""Imports all that the tasks need, so that a process forked from here starts them at once.

Only what forks tasks imports this: see the plugin beside this package.
"""

import candle_ingest.fetching.fetch_candles
import candle_ingest.merging.aggregate_and_write
import candle_ingest.orchestration.factory
import candle_ingest.planning.read_symbols
import candle_ingest.planning.validate_symbols  # noqa: F401
