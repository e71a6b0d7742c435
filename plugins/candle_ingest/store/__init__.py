"""InfluxDB: the bucket, and the candles in it."""
