"""Fetch candles: the step fetch_candles."""
