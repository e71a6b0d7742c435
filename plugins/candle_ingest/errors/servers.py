"""Errors of Redis and InfluxDB."""

from candle_ingest.errors.base import ConfigurationError, PermanentError, TemporaryError


class RedisRefusedError(ConfigurationError):
    """Redis refuses the user or the password."""

    name = "redis-refused"
    cause = "The password of `redis_default` (or REDIS_PASSWORD) is wrong, or its user lacks a right."
    cure = "Correct the connection or the variable."
    example = "Redis refuses user or password of redis_default: invalid username-password pair"


class RedisCertificateError(ConfigurationError):
    """A TLS connection to Redis failed because of the certificate; no retry can help."""

    name = "redis-certificate-refused"
    cause = "Redis's certificate was issued by a CA unknown to this machine or for another host, or has expired."
    cure = (
        "Name the CA's file as `ssl_ca_certs` in the extra of `redis_default`. If the host differs, use the name in "
        "the certificate."
    )
    example = "Redis of redis_default: its certificate is not accepted: self-signed certificate; set ssl_ca_certs"


class RedisUnreachableError(TemporaryError):
    """Redis does not answer as it should."""

    name = "redis-unreachable"
    cause = (
        "Redis is down, busy, out of memory, or cannot be reached at its host and port. Without TLS on its side, a "
        "connection with `ssl` or `rediss://` times out."
    )
    cure = "Start Redis, or correct host and port of `redis_default`. The task is retried."
    example = "Redis does not answer as it should: Error 111 connecting to localhost:6379. Connection refused."


class AirflowDatabaseError(TemporaryError):
    """Airflow's database, which holds the connections, does not answer."""

    name = "airflow-database-unreachable"
    cause = "Airflow's database is down, or its address or password is not that of `sql_alchemy_conn`."
    cure = (
        "Start it, or correct `AIRFLOW__DATABASE__SQL_ALCHEMY_CONN`. Connections can also be given in the environment, "
        "such as AIRFLOW_CONN_REDIS_DEFAULT."
    )
    example = (
        "Airflow's database at db.example:5432 does not answer, and its connections say where Redis and InfluxDB are: "
        "Connection refused"
    )


class LocalStackNotReadyError(TemporaryError):
    """The local stack of this shell is stopped, or has not started its servers yet."""

    name = "local-stack-not-ready"
    cause = "This shell has read the `terminal.sh` of a local stack that is stopped or still starting."
    cure = (
        "Start the stack with the command in the message, in another terminal, and wait until it says that Airflow is "
        "ready. If it already runs, read its `terminal.sh` again: it may have other ports now."
    )
    example = (
        "the local stack is stopped: Airflow's database at 127.0.0.1:5432 does not answer. Start it with `make run`"
    )


class InfluxUnreachableError(TemporaryError):
    """InfluxDB does not answer, or answers that it cannot."""

    name = "influxdb-unreachable"
    cause = (
        "InfluxDB is down, cannot be reached, is overloaded (HTTP 429 or 5xx), has a full disk, or a proxy cuts off "
        "its answers. Six attempts were made."
    )
    cure = (
        "Start it, and check host, port and schema of `influxdb_default`. After a full disk restart InfluxDB. For a "
        "slow server raise `timeout` in the connection. The task is retried."
    )
    example = "Failed to connect to InfluxDB after 6 tries: InfluxDB, query: Connection refused"


class InfluxCertificateError(ConfigurationError):
    """A TLS connection to InfluxDB failed because of the certificate or the port; no retry can help."""

    name = "influxdb-certificate-refused"
    cause = (
        "InfluxDB's certificate was issued by a CA unknown to this machine or for another host, or has expired; or "
        "InfluxDB does not speak TLS on this port."
    )
    cure = (
        "Name the CA's file as `ssl_ca_cert` in the extra of `influxdb_default`; with INFLUXDB_URL, in SSL_CERT_FILE. "
        "If the host differs, use the name in the certificate. Without TLS, set the schema to `http`."
    )
    example = "InfluxDB, query: its certificate is not accepted: self-signed certificate; set ssl_ca_cert"


class InfluxRefusedError(ConfigurationError):
    """InfluxDB refuses the token."""

    name = "influxdb-token-refused"
    cause = "The token or the organization is wrong, or the token lacks the right to do this."
    cure = "Correct `influxdb_default`, or INFLUXDB_TOKEN and INFLUXDB_ORG; grant read and write for the bucket."
    example = (
        "InfluxDB, query in bucket 'candles': HTTP 401: unauthorized access. Check the token in influxdb_default "
        "(or INFLUXDB_TOKEN), and what it may do"
    )


class InfluxRequestError(PermanentError):
    """InfluxDB refuses a request that is not about the token or the bucket."""

    name = "influxdb-request-refused"
    cause = "InfluxDB cannot carry out the request; the message quotes its reason."
    cure = "Act on that reason. InfluxDB 2.x is needed: versions 1 and 3 have no Flux."
    example = "InfluxDB, query in bucket 'candles': HTTP 405: Method not allowed"


class BucketMissingError(ConfigurationError):
    """The bucket does not exist."""

    name = "bucket-missing"
    cause = "No run has created the bucket yet, it was deleted, or the token may neither see nor create it."
    cure = "Unpause the DAGs, or clear `validate_symbols`, which creates it. Or create it, or use another token."
    example = (
        "InfluxDB, query in bucket 'candles': HTTP 404: not found. validate_symbols creates the bucket: unpause the "
        "DAGs, or clear that task"
    )


class RefusedLinesError(PermanentError):
    """InfluxDB refuses some of the lines, or too many at once."""

    name = "influxdb-lines-refused"
    cause = "Points lie outside the bucket's retention, or a field already has another type in this bucket."
    cure = "Remove the bucket's retention limit, or give the pipeline a new `influxdb_bucket`."
    example = "InfluxDB refuses 3 or more lines; the first one: candles,currency_pair=BTC/USD open=1: HTTP 422"


class StoredCandlesError(TemporaryError):
    """Stored points cannot be read as complete candles."""

    name = "stored-candles-unreadable"
    cause = "Another program is writing to the same measurement, or has left incomplete candles there."
    cure = "Let only this package write there. If the error persists, delete that window and run it with `refetch`."
    example = (
        "InfluxDB, exchange_candles of BTC/USD @ kraken, [2026-11-20T12:00Z, 2026-11-20T13:00Z): some candles lack "
        "some of their fields; delete these points, and run the window again with refetch"
    )
