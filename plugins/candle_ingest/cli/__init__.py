"""The command `candle-ingest`: plans, checks, repairs and exports from a terminal."""
