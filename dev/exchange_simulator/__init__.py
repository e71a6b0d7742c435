"""Simulate eleven exchanges over HTTP: their paths, limits, errors and faults, with synthetic candles."""
