"""Complete OHLCV candles in InfluxDB, merged from several exchanges, driven by Airflow."""

__version__ = "0.1.0"
