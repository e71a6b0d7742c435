"""Planted secrets appear nowhere, whatever fails."""

from __future__ import annotations

import json
import logging
import traceback
from dataclasses import replace

import pytest
from airflow.sdk._shared.secrets_masker import redact

from candle_ingest.connections import connect_influxdb, connect_redis, exchange_connection
from candle_ingest.errors import CandleIngestError
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.planning.run import make_run
from candle_ingest.planning.validate_symbols import validate_symbols
from candle_ingest.store.bucket import InfluxBucket
from tests.faults.hours import hours
from tests.faults.world import World
from tests.integration.steps import everything

pytestmark = pytest.mark.integration
TOKEN, REDIS, KEY, SECRET, PROXY, HOST = (
    f"planted-{name}-4711" for name in ("token", "redis", "key", "secret", "proxy", "host")
)
ALL = (TOKEN, REDIS, KEY, SECRET, PROXY, HOST)
NOW = hours(14, 15)


def exchange(world: World, **more: object) -> None:
    """Define binance's connection with a key, and with user and password in its base URL."""
    address = world.simulator.exchange_url("binance").replace("http://", f"http://user:{HOST}@")
    connection = {"conn_type": "generic", "host": address, "login": KEY, "password": SECRET, **more}
    world.patch.setenv("AIRFLOW_CONN_CCXT_BINANCE", json.dumps(connection))


def break_exchange(world: World) -> None:
    exchange(world)
    world.simulator.set_fault("binance", "status", status=503)


def refuse_exchange(world: World) -> None:
    exchange(world)
    world.simulator.set_fault("binance", "status", status=451, path="klines")


def break_proxy(world: World) -> None:
    exchange(world, extra={"httpProxy": f"http://user:{PROXY}@127.0.0.1:9"})


def malform_proxy(world: World) -> None:
    exchange(world, extra={"httpProxy": f"http://user:{PROXY}@[bad"})


def conflict_proxies(world: World) -> None:
    exchange(world, extra={"httpProxy": f"http://user:{PROXY}@127.0.0.1:9", "httpsProxy": f"http://user:{PROXY}@x:9"})


def wrong_scheme(world: World) -> None:
    connection = {"conn_type": "generic", "host": f"ftp://user:{HOST}@127.0.0.1", "login": KEY, "password": SECRET}
    world.patch.setenv("AIRFLOW_CONN_CCXT_BINANCE", json.dumps(connection))


def wrong_token(world: World) -> None:
    world.connect(token=TOKEN)


def wrong_token_by_variable(world: World) -> None:
    world.patch.delenv("AIRFLOW_CONN_INFLUXDB_DEFAULT")
    for name, value in (("URL", world.influxdb.address.url), ("TOKEN", TOKEN), ("ORG", "candle_ingest")):
        world.patch.setenv(f"INFLUXDB_{name}", value)


def no_influxdb(world: World) -> None:
    world.connect(token=TOKEN, influxdb_url="http://127.0.0.1:9")


def wrong_password(world: World) -> None:
    world.connect(redis=replace(world.redis.address, password=REDIS))


def no_redis(world: World) -> None:
    world.connect(redis=replace(world.redis.address, password=REDIS, port=9))


BROKEN = (
    break_exchange, refuse_exchange, break_proxy, malform_proxy, conflict_proxies, wrong_scheme, wrong_token,
    wrong_token_by_variable, no_influxdb, wrong_password, no_redis,
)  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_no_secret_is_in_errors_logs_output_or_stored_points(broken, world, bucket, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    for name in ("ccxt", "urllib3", "influxdb_client"):
        caplog.set_level(logging.INFO, name)
    world.begin("binance", bucket)
    assert world.attempt(NOW, NOW.start_ms).errors == []
    caplog.clear()
    broken(world)
    attempt = world.attempt(NOW, NOW.start_ms, refetch=True)
    assert attempt.errors
    seen = [str(error) for error in attempt.errors] + [repr(error) for error in attempt.errors] + [caplog.text]
    seen += list(capfd.readouterr())
    # Airflow prints the whole exception chain of a failed task, and masks the secrets registered with it.
    chains = "".join(line for error in attempt.errors for line in traceback.format_exception(error))
    seen.append(str(redact(chains)))
    world.restore()
    world.connect()
    seen += everything(bucket)
    assert [secret for secret in ALL for text in seen if secret in text] == []


def test_cached_and_printed_objects_contain_no_secret(world, bucket):
    world.begin("binance", bucket)
    exchange(world, extra={"httpsProxy": f"http://user:{PROXY}@127.0.0.1:9"})
    run = make_run(world.settings, "backfill", {}, NOW, NOW.start_ms, world.now_ms)
    connection = exchange_connection("binance")
    exchange(world)
    plan = validate_symbols(run, ["btcusd"])
    with connect_redis() as client, connect_influxdb() as influxdb:
        cached = {key: client.dump(key) for key in client.scan_iter()}
        shown = [run, plan, [batch.to_xcom() for batch in plan.batches], connection, ExchangeClient(connection), cached]
        shown += [InfluxBucket(influxdb, bucket), influxdb, run.settings.model_dump()]
        secrets = (*ALL, world.influxdb.address.token)
        assert [secret for secret in secrets for thing in shown if secret in repr(thing)] == []


def test_the_error_of_a_wrong_base_url_hides_the_password(world, bucket):
    world.begin("binance", bucket)
    wrong_scheme(world)
    with pytest.raises(CandleIngestError, match=r"host is 'ftp://\*\*\*@127.0.0.1'"):
        exchange_connection("binance")
