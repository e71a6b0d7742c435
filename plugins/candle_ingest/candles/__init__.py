"""Candles, symbols, windows and their arithmetic: pure, without Airflow, ccxt, Redis or InfluxDB."""
