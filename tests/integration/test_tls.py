"""Redis and InfluxDB behind TLS: the right certificate works, any other is refused at once with what to do."""

from __future__ import annotations

import json
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import trustme

from candle_ingest.connections import connect_influxdb, connect_redis
from candle_ingest.errors.servers import InfluxCertificateError, RedisCertificateError
from candle_ingest.servers.redis_errors import translate_redis_errors
from candle_ingest.store.bucket import InfluxBucket
from dev.local_stack.ports import HOST
from tests.integration.servers.tls_front import tls_front

pytestmark = pytest.mark.integration
OURS, FOREIGN = trustme.CA(), trustme.CA()
WHO_IS_REFUSED = [
    pytest.param(OURS.issue_cert(HOST), FOREIGN, "unable to get local issuer", id="a-ca-that-did-not-sign"),
    pytest.param(OURS.issue_cert(HOST), None, "unable to get local issuer", id="no-ca-named"),
    pytest.param(OURS.issue_cert("other.example"), OURS, "IP address mismatch", id="a-certificate-of-another-host"),
]


@pytest.fixture
def front():
    """`front(certificate, port)`: a TLS server before the one on that port."""
    with ExitStack() as started:
        yield lambda certificate, port: started.enter_context(tls_front(certificate, port))


@pytest.fixture
def ca_file(tmp_path):
    """`ca_file(ca)`: the path of its certificate."""

    def write(ca):
        path = tmp_path / "ca.pem"
        ca.cert_pem.write_to_path(str(path))
        return str(path)

    return write


@pytest.fixture
def connect_to(redis_server, influxdb_server, monkeypatch):
    """Define `redis_default` and `influxdb_default` with these ports and extras."""

    def define(redis_port=0, influxdb_port=0, redis_extra=None, influxdb_extra=None):
        redis = {"conn_type": "redis", "host": HOST, "port": redis_port, "password": redis_server.password}
        influx = {"conn_type": "influxdb", "host": HOST, "port": influxdb_port, "schema": "https"}
        token = {"token": influxdb_server.token, "org": influxdb_server.org}
        monkeypatch.setenv("AIRFLOW_CONN_REDIS_DEFAULT", json.dumps({**redis, "extra": redis_extra or {}}))
        monkeypatch.setenv(
            "AIRFLOW_CONN_INFLUXDB_DEFAULT", json.dumps({**influx, "extra": {**token, **(influxdb_extra or {})}})
        )

    return define


def ping():
    with translate_redis_errors(), connect_redis() as client:
        return client.ping()


def query():
    with InfluxBucket(connect_influxdb(), "none") as bucket:
        return bucket._exists()


def test_redis_with_the_right_ca_answers(front, ca_file, connect_to, redis_server):
    server = front(OURS.issue_cert(HOST), redis_server.port)
    connect_to(redis_port=server.port, redis_extra={"ssl": True, "ssl_ca_certs": ca_file(OURS)})
    assert ping()


def test_rediss_speaks_tls(front, ca_file, connect_to, redis_server, monkeypatch):
    server = front(OURS.issue_cert(HOST), redis_server.port)
    url = f"rediss://:{redis_server.password}@{HOST}:{server.port}/?ssl_ca_certs={ca_file(OURS)}"
    monkeypatch.setenv("AIRFLOW_CONN_REDIS_DEFAULT", url)
    assert ping()
    assert server.attempts == 1


@pytest.mark.parametrize(("certificate", "ca", "reason"), WHO_IS_REFUSED)
def test_redis_with_another_certificate_is_refused_at_once(
    front, ca_file, connect_to, redis_server, certificate, ca, reason
):
    server = front(certificate, redis_server.port)
    connect_to(redis_port=server.port, redis_extra={"ssl": True, **({"ssl_ca_certs": ca_file(ca)} if ca else {})})
    with pytest.raises(RedisCertificateError, match=rf"{reason}.*ssl_ca_certs"):
        ping()
    assert server.attempts == 1


def test_influxdb_with_the_right_ca_answers(front, ca_file, connect_to, influxdb_server):
    server = front(OURS.issue_cert(HOST), urlsplit(influxdb_server.url).port)
    connect_to(influxdb_port=server.port, influxdb_extra={"ssl_ca_cert": ca_file(OURS)})
    assert query() is False


def test_influxdb_from_variables_takes_the_ca_of_ssl_cert_file(front, ca_file, influxdb_server, monkeypatch):
    server = front(OURS.issue_cert(HOST), urlsplit(influxdb_server.url).port)
    monkeypatch.setenv("INFLUXDB_URL", f"https://{HOST}:{server.port}")
    monkeypatch.setenv("INFLUXDB_TOKEN", influxdb_server.token)
    monkeypatch.setenv("INFLUXDB_ORG", influxdb_server.org)
    monkeypatch.setenv("SSL_CERT_FILE", ca_file(OURS))
    assert query() is False


@pytest.mark.parametrize(("certificate", "ca", "reason"), WHO_IS_REFUSED)
def test_influxdb_with_another_certificate_is_refused_at_once(
    front, ca_file, connect_to, influxdb_server, certificate, ca, reason
):
    server = front(certificate, urlsplit(influxdb_server.url).port)
    connect_to(influxdb_port=server.port, influxdb_extra={"ssl_ca_cert": ca_file(ca)} if ca else {})
    with pytest.raises(InfluxCertificateError, match=rf"{reason}.*ssl_ca_cert"):
        query()
    assert server.attempts == 1


def test_an_influxdb_without_tls_is_told_from_one_that_is_down(connect_to, influxdb_server):
    connect_to(influxdb_port=urlsplit(influxdb_server.url).port)
    with pytest.raises(InfluxCertificateError, match="does not speak TLS"):
        query()
