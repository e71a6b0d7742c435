"""The step fetch_candles."""
