"""A real Redis and a real InfluxDB for tests, on free ports, with their files in a folder of the test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dev.local_stack.errors import LocalStackError
from dev.local_stack.generated_secrets import GeneratedSecrets
from dev.local_stack.influxd import find_influxd
from dev.local_stack.influxdb_server import ORGANIZATION, InfluxdbServer, influxd_command
from dev.local_stack.ports import HOST, free_port
from dev.local_stack.redis_server import RedisServer, redis_command
from tests.integration.servers.running_server import RunningServer

# Another process may take a free port between the moment it is chosen and the moment it is used.
_ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True)
class InfluxdbTestServer(InfluxdbServer):
    """InfluxDB with helpers that keep tests apart."""

    _made: list[str] = field(default_factory=list, repr=False)

    def new_bucket(self, prefix: str = "test") -> str:
        """Create a bucket with a name that nothing else has."""
        name = f"{prefix}_{uuid.uuid4().hex[:12]}"
        self.ensure_bucket(name)
        self._made.append(name)
        return name

    @contextmanager
    def deleting_new_buckets(self) -> Iterator[None]:
        """Delete the buckets that are made in the block: each takes CPU for as long as it exists."""
        count = len(self._made)
        yield
        while len(self._made) > count:
            self.delete_bucket(self._made.pop())

    def keep(self, name: str) -> None:
        """Leave the bucket to later tests, also beyond the block that it was made in."""
        self._made.remove(name)

    def delete_bucket(self, name: str) -> None:
        """Delete the bucket with all that it holds."""
        self._delete(f"buckets/{self._bucket_id(name)}")


@contextmanager
def running_redis(folder: Path) -> Iterator[RedisServer]:
    def start() -> tuple[RedisServer, RunningServer]:
        secrets = GeneratedSecrets.generate()
        server = RedisServer(host=HOST, port=free_port(), password=secrets.redis_password)
        process = RunningServer(redis_command(server, folder), folder)
        process.wait_until(server.is_ready, timeout_seconds=20)
        return server, process

    server, process = _with_another_port_if_needed(start)
    try:
        yield server
    finally:
        process.stop()


@contextmanager
def running_influxdb(folder: Path) -> Iterator[InfluxdbTestServer]:
    secrets = GeneratedSecrets.generate()

    def start() -> tuple[InfluxdbTestServer, RunningServer]:
        port = free_port()
        server = InfluxdbTestServer(url=f"http://{HOST}:{port}", token=secrets.influxdb_token, org=ORGANIZATION)
        process = RunningServer(influxd_command(find_influxd(print), port, folder), folder)
        process.wait_until(server.is_ready, timeout_seconds=60)
        return server, process

    server, process = _with_another_port_if_needed(start)
    try:
        server.set_up(secrets.influxdb_password, bucket="first")
        yield server
    finally:
        process.stop()


def _with_another_port_if_needed(start):
    for _ in range(_ATTEMPTS - 1):
        try:
            return start()
        except LocalStackError:
            continue
    return start()
