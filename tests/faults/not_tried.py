"""Faults that cannot be injected here, and why."""

NOT_TRIED = {
    "a real exchange's own outage": "no exchange can be reached from where the tests run",
    "a DNS failure, a broken TLS handshake, an expired certificate": "all servers of the tests listen on 127.0.0.1 "
    "without TLS",
    "a full disk below InfluxDB": "its answers (500 and 422, `no space left on device`) are injected instead; filling "
    "a disk would harm the machine",
    "a clock that jumps": "the tests may not set the clock of the machine",
    "Redis Cluster and Sentinel, InfluxDB Cloud and clusters": "only single servers run here",
    "a worker machine that disappears, Celery and Kubernetes executors": "one machine, LocalExecutor",
    "an answer that is stale by less than ten minutes, of an exchange whose answers may begin before what was asked "
    "for (coinbaseexchange)": "it cannot be told from a sound one; catch-up asks for the last `reread_candles` again",
}
