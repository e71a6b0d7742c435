"""The only code that talks to exchanges, Redis and InfluxDB."""
