"""What InfluxDB, and whatever stands before it, does wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from influxdb_client import BucketRetentionRules

from candle_ingest import connections
from candle_ingest.store import bucket as influx_bucket
from tests.faults.fault import Fault, Under
from tests.faults.world import World

WRITE, CANDLES, STATE = "/api/v2/write", b"exchange_candles,", b"processing_state,"
BATCHES = {influx_bucket: {"BATCH_LINES": 25}}


def proxied(patches: dict[Any, dict[str, Any]] | None = None, **details: Any):
    """Switch a rule of the proxy on; the writes of candles go in several batches."""

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
    """The proxy answers writes of candles in InfluxDB's words."""
    body = json.dumps({"code": "any", "message": message or f"status {status}"})
    return proxied(path=WRITE, body=CANDLES, skip=1, status=status, answer=body, **details)


@contextmanager
def stopped(world: World, count: int | None) -> Iterator[None]:
    world.connect(influxdb_url=world.influxdb.address.url)
    world.influxdb.stop()
    yield
    world.influxdb.start()


def ended_between_batches(how: str, *, started_again: bool):
    """InfluxDB ends when the second batch of candles arrives, and may come back before the client gives up."""

    @contextmanager
    def switch_on(world: World, count: int | None) -> Iterator[None]:
        world.patch.setattr(influx_bucket, "BATCH_LINES", 25)
        if started_again:
            # As patient as in reality: it takes a few seconds to start.
            world.patch.setattr(influx_bucket, "FIRST_WAIT_SECONDS", 1.0)
            world.patch.setattr(influx_bucket, "LONGEST_WAIT_SECONDS", 5.0)
        coming_back = threading.Timer(0.2, world.influxdb.start)

        def act() -> None:
            getattr(world.influxdb, how)()
            if started_again:
                coming_back.start()

        world.rule(path=WRITE, body=CANDLES, skip=1, count=1, act=act)
        yield
        if started_again:
            coming_back.join()
        world.influxdb.start()

    return switch_on


@contextmanager
def wrong_token(world: World, count: int | None) -> Iterator[None]:
    world.connect(token="not-the-token")
    yield
    world.connect()


@contextmanager
def retention(world: World, count: int | None) -> Iterator[None]:
    """Somebody limits the bucket to thirty days: what is older is dropped, and the write is a partial one."""

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
    values = {"under": Under.RETRIED, "once": Under.HEALED, **more}
    return Fault(area="InfluxDB", name=name, injected=injected, says=says, switch_on=switch_on, **values)


NO_SPACE = "unexpected error writing points to database: engine: error writing WAL entry: no space left on device"
PARTIAL = "failure writing points to database: partial write: points beyond retention policy dropped=25"
FAILED = "Failed to connect to InfluxDB after 6 tries"
AT_ONCE = {"under": Under.AT_ONCE, "once": Under.AT_ONCE}

INFLUXDB_FAULTS = (
    _fault("down at the start", "influxd is stopped", FAILED, stopped, once=None),
    _fault("down between two batches", "influxd is stopped at the second batch", FAILED,
           ended_between_batches("stop", started_again=False), once=None),
    _fault("restarted between two batches", "influxd is stopped and started", "InfluxDB, write",
           ended_between_batches("stop", started_again=True), under=Under.HEALED, once=None),
    _fault("killed between two batches", "influxd gets SIGKILL and is started", "InfluxDB, write",
           ended_between_batches("kill", started_again=True), under=Under.HEALED, once=None),
    _fault("503 with Retry-After", "proxy", "HTTP 503", answers(503, headers={"Retry-After": "1"})),
    _fault("429 with Retry-After", "proxy", "HTTP 429", answers(429, headers={"Retry-After": "1"})),
    _fault("500", "proxy", "HTTP 500", answers(500)),
    _fault("502 of a proxy, as HTML", "proxy", "HTTP 502", proxied(path=WRITE, status=502, answer="<html>bad</html>")),
    _fault("disk full, 500", "proxy, InfluxDB's words", "no space left on device", answers(500, NO_SPACE)),
    _fault("disk full, 422", "proxy, InfluxDB's words", "no space left on device", answers(422, NO_SPACE)),
    _fault("401 wrong token", "the connection holds another token", "Check the token in influxdb_default", wrong_token,
           under=Under.AT_ONCE, once=None),
    _fault("403 no right to write", "proxy", "Check the token in influxdb_default", answers(403), **AT_ONCE),
    _fault("404 the bucket was deleted", "proxy", "validate_symbols creates the bucket", answers(404), **AT_ONCE),
    _fault("413 the batch is too large", "proxy, above 1 kB", "lines are written in smaller parts",
           answers(413, least_bytes=1024), under=Under.HEALED),
    _fault("413 for a single line", "proxy", r"refuses the line exchange_candles,.*413", answers(413),
           under=Under.AT_ONCE),
    _fault("422 partial write", "proxy, InfluxDB's words", r"refuses the line exchange_candles,.*dropped",
           answers(422, PARTIAL), under=Under.AT_ONCE),
    _fault("400 a line that it cannot read", "proxy", r"refuses the line exchange_candles,.*unable to parse",
           answers(400, "unable to parse"), under=Under.AT_ONCE),
    _fault("a bucket that keeps only thirty days", "the bucket's retention", r"refuses the line .*partial write",
           retention, under=Under.AT_ONCE, once=None),
    _fault("an answer that comes too late", "proxy, beyond the time-out", "timed out",
           proxied({connections: {"INFLUXDB_TIMEOUT_MS": 300}}, path=WRITE, delay=1.0)),
    _fault("an answer that is lost after the write", "proxy cuts the connection", "InfluxDB, write",
           proxied(path=WRITE, body=CANDLES, lose_answer=True)),
    _fault("no answer to queries", "proxy, 503", FAILED, proxied(path="/api/v2/query", status=503, skip=3)),
    _fault("cut-off answer to a query", "proxy, 200 with half a table", "the answer is not a whole table",
           proxied(path="/api/v2/query", status=200, skip=2, answer="result,table,_time,_value\r\n,_result,0")),
    _fault("HTML as answer to a query", "proxy, 200", "the answer is not a whole table",
           proxied(path="/api/v2/query", status=200, skip=2, answer="<html>\r\n\r\n<body>a, b</body>")),
    _fault("the watermark is not written, after the candles", "proxy, 503 for processing_state", FAILED,
           proxied(path=WRITE, body=STATE, status=503)),
    _fault("the merged candles are not written", "proxy, 503", FAILED,
           proxied(path=WRITE, body=b"\ncandles,", status=503)),
    _fault("the records of days are not written", "proxy, 503", FAILED,
           proxied(path=WRITE, body=b"day_records,", status=503)),
    _fault("the record of the merge is not written", "proxy, 503", FAILED,
           proxied(path=WRITE, body=b"merge_days,", status=503)),
)  # fmt: skip
