"""A stand-in for five exchanges: their REST paths, limits, errors and faults, over HTTP, with invented candles."""
