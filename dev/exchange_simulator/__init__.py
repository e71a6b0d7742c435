"""A stand-in for eleven exchanges over HTTP: their paths, limits, errors and faults, with invented candles."""
