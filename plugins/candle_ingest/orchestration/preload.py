"""Import everything that the tasks need, so that processes forked from this one start them at once.

Only processes that fork tasks import this: see the plugin next to this package.
"""

import ccxt  # noqa: F401 - the package imports it only when it asks an exchange
import numpy.ma  # noqa: F401 - numpy.median imports it when it is first called, in each merge

import candle_ingest.fetching.fetch_candles
import candle_ingest.merging.aggregate_and_write
import candle_ingest.orchestration.factory
import candle_ingest.planning.read_symbols
import candle_ingest.planning.validate_symbols  # noqa: F401
