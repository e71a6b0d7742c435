"""The command `candle-ingest`: what the pages of Airflow show, in a terminal."""
