"""Pure parts: symbols, windows, candles, merging. No Airflow, ccxt, Redis or InfluxDB here."""
