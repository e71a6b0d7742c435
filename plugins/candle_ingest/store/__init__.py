"""Read and write InfluxDB: the bucket, and the candles in it."""
