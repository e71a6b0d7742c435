"""Candles, symbols, windows and their arithmetic. Pure: nothing here imports Airflow, ccxt, Redis or InfluxDB."""
