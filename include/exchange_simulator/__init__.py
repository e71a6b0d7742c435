"""A stand-in for five exchanges over HTTP: their paths, limits, errors and faults, with invented candles."""
