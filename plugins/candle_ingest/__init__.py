"""Complete OHLCV candles in InfluxDB, merged from several exchanges, driven by Airflow."""
