"""Faults that cannot be injected here, and why."""

from tests.faults.small_disk import FULL_DISK, may_mount

_NOT_TRIED = {
    "a real exchange's own outage": "no exchange can be reached from where the tests run",
    "a DNS failure, a broken TLS handshake, an expired certificate": "all servers of the tests listen on 127.0.0.1 "
    "without TLS",
    "a clock that jumps while a task runs": "the tests cannot set the machine's clock; instead, the clock passed to a "
    "run differs from the exchanges' by an hour",
    "Redis Cluster and Sentinel, InfluxDB Cloud and clusters": "only single servers run here",
    "a network partition between two machines, the Kubernetes executor": "the tests run on one machine, with "
    "LocalExecutor and Celery workers",
    "a response that is stale by less than ten minutes, from an exchange whose responses may begin before the "
    "requested window (coinbaseexchange)": "it looks like a sound one; the second and the closing look request the "
    "candles again",
}


def not_tried() -> dict[str, str]:
    """Return the reasons, by fault."""
    if may_mount():
        return _NOT_TRIED
    return {FULL_DISK: "mounting a disk to fill needs root; InfluxDB's responses are injected instead", **_NOT_TRIED}
