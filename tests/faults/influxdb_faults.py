"""Faults of InfluxDB, and of a proxy in front of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from influxdb_client import BucketRetentionRules

from candle_ingest import connections
from candle_ingest.store import bucket as influx_bucket
from tests.faults.fault import Fault, Outcome
from tests.faults.world import World

WRITE, CANDLES, STATE = "/api/v2/write", b"exchange_candles,", b"processing_state,"
BATCHES = {influx_bucket: {"BATCH_LINES": 25}}


def proxied(patches: dict[Any, dict[str, Any]] | None = None, **details: Any):
    """Switch on a rule of the proxy; candles are written in several batches."""

    @contextmanager
    def switch_on(world: World, count: int | None) -> Iterator[None]:
        for module, values in {**BATCHES, **(patches or {})}.items():
            for name, value in values.items():
                world.patch.setattr(module, name, value)
        world.rule(**{**details, "count": count})
        yield
        world.proxy.rules.clear()

    return switch_on


def answers(status: int, message: str = "", **details: Any):
    """Let the proxy refuse writes of candles, from the second batch on, with a response like InfluxDB's."""
    body = json.dumps({"code": "any", "message": message or f"status {status}"})
    return proxied(path=WRITE, body=CANDLES, skip=1, status=status, answer=body, **details)


@contextmanager
def stopped(world: World, count: int | None) -> Iterator[None]:
    world.influxdb.stop()
    yield
    world.influxdb.start()


def ended_between_batches(how: str, *, started_again: bool):
    """End InfluxDB when the second batch of candles arrives; start it again before the client gives up if told to."""

    @contextmanager
    def switch_on(world: World, count: int | None) -> Iterator[None]:
        world.patch.setattr(influx_bucket, "BATCH_LINES", 25)
        if started_again:
            # The real waits: InfluxDB needs a few seconds to start.
            world.patch.setattr(influx_bucket, "FIRST_WAIT_SECONDS", 1.0)
            world.patch.setattr(influx_bucket, "MAX_WAIT_SECONDS", 5.0)
        restart = threading.Timer(0.2, world.influxdb.start)

        def act() -> None:
            getattr(world.influxdb, how)()
            if started_again:
                restart.start()

        world.rule(path=WRITE, body=CANDLES, skip=1, count=1, act=act)
        yield
        if started_again:
            restart.join()
        world.influxdb.start()

    return switch_on


@contextmanager
def wrong_token(world: World, count: int | None) -> Iterator[None]:
    world.connect(token="not-the-token")
    yield
    world.connect()


@contextmanager
def retention(world: World, count: int | None) -> Iterator[None]:
    """Limit the bucket to thirty days: InfluxDB drops older points and reports a partial write."""

    def keep(days: int, shard_days: int) -> None:
        with connections.connect_influxdb() as client:
            bucket = client.buckets_api().find_bucket_by_name(world.settings.influxdb_bucket)
            rule = BucketRetentionRules(
                type="expire", every_seconds=days * 86_400, shard_group_duration_seconds=shard_days * 86_400
            )
            bucket.retention_rules = [rule]
            client.buckets_api().update_bucket(bucket)

    keep(30, 1)
    yield
    keep(0, 7)


def _fault(name: str, injected: str, says: str, switch_on: Any, **more: Any) -> Fault:
    values = {"outcome": Outcome.RETRIED, "outcome_once": Outcome.RECOVERED, **more}
    return Fault(area="InfluxDB", name=name, injected=injected, says=says, switch_on=switch_on, **values)


NO_SPACE = "unexpected error writing points to database: engine: error writing WAL entry: no space left on device"
PARTIAL = "failure writing points to database: partial write: points beyond retention policy dropped=25"
FAILED = "Failed to connect to InfluxDB after 6 tries"
AT_ONCE = {"outcome": Outcome.AT_ONCE, "outcome_once": Outcome.AT_ONCE}

INFLUXDB_FAULTS = (
    _fault("down at the start", "influxd is stopped", FAILED, stopped, outcome_once=None),
    _fault("down between two batches", "influxd is stopped at the second batch", FAILED,
           ended_between_batches("stop", started_again=False), outcome_once=None),
    _fault("restarted between two batches", "influxd is stopped and restarted", "InfluxDB, write",
           ended_between_batches("stop", started_again=True), outcome=Outcome.RECOVERED, outcome_once=None),
    _fault("killed between two batches", "influxd gets SIGKILL and is restarted", "InfluxDB, write",
           ended_between_batches("kill", started_again=True), outcome=Outcome.RECOVERED, outcome_once=None),
    _fault("503 with Retry-After", "proxy", "HTTP 503", answers(503, headers={"Retry-After": "1"})),
    _fault("429 with Retry-After", "proxy", "HTTP 429", answers(429, headers={"Retry-After": "1"})),
    _fault("500", "proxy", "HTTP 500", answers(500)),
    _fault("502 from a proxy, as HTML", "proxy", "HTTP 502",
           proxied(path=WRITE, status=502, answer="<html>bad</html>")),
    _fault("disk full, 500", "proxy, with InfluxDB's own message", "no space left on device", answers(500, NO_SPACE)),
    _fault("disk full, 422", "proxy, with InfluxDB's own message", "no space left on device", answers(422, NO_SPACE)),
    _fault("401 wrong token", "the connection holds a wrong token", "Check the token in influxdb_default", wrong_token,
           outcome=Outcome.AT_ONCE, outcome_once=None),
    _fault("403 no permission to write", "proxy", "Check the token in influxdb_default", answers(403), **AT_ONCE),
    _fault("404 the bucket was deleted", "proxy", "validate_symbols creates the bucket", answers(404), **AT_ONCE),
    _fault("413 the batch is too large", "proxy, above 1 kB", "lines are written in smaller parts",
           answers(413, least_bytes=1024), outcome=Outcome.RECOVERED),
    _fault("413 for a single line", "proxy", r"refuses the line exchange_candles,.*413", answers(413),
           outcome=Outcome.AT_ONCE),
    _fault("422 partial write", "proxy, with InfluxDB's own message", r"refuses the line exchange_candles,.*dropped",
           answers(422, PARTIAL), outcome=Outcome.AT_ONCE),
    _fault("400 a line that cannot be parsed", "proxy", r"refuses the line exchange_candles,.*unable to parse",
           answers(400, "unable to parse"), outcome=Outcome.AT_ONCE),
    _fault("a bucket that keeps only thirty days", "the bucket's retention", r"refuses the line .*partial write",
           retention, outcome=Outcome.AT_ONCE, outcome_once=None),
    _fault("a response after the timeout", "proxy, delayed beyond the timeout", "timed out",
           proxied({connections: {"INFLUXDB_TIMEOUT_MS": 300}}, path=WRITE, delay=1.0)),
    _fault("a response lost after the write", "proxy cuts the connection", "InfluxDB, write",
           proxied(path=WRITE, body=CANDLES, lose_answer=True)),
    _fault("503 for queries", "proxy", FAILED, proxied(path="/api/v2/query", status=503, skip=3)),
    _fault("truncated response to a query", "proxy, 200 with half a table", "the answer is not a whole table",
           proxied(path="/api/v2/query", status=200, skip=2, answer="result,table,_time,_value\r\n,_result,0")),
    _fault("HTML as response to a query", "proxy, 200", "the answer is not a whole table",
           proxied(path="/api/v2/query", status=200, skip=2, answer="<html>\r\n\r\n<body>a, b</body>")),
    _fault("the watermark cannot be written after the candles", "proxy, 503 for processing_state", FAILED,
           proxied(path=WRITE, body=STATE, status=503)),
    _fault("the merged candles cannot be written", "proxy, 503", FAILED,
           proxied(path=WRITE, body=b"\ncandles,", status=503)),
    _fault("the records of days cannot be written", "proxy, 503", FAILED,
           proxied(path=WRITE, body=b"day_records,", status=503)),
    _fault("the record of the merge cannot be written", "proxy, 503", FAILED,
           proxied(path=WRITE, body=b"merge_days,", status=503)),
)  # fmt: skip
