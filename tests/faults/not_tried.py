"""Faults that cannot be injected here, and why."""

from tests.faults.small_disk import FULL_DISK, may_mount

_NOT_TRIED = {
    "a real exchange's own outage": "no exchange can be reached from where the tests run",
    "a DNS failure, a broken TLS handshake, an expired certificate": "all servers of the tests listen on 127.0.0.1 "
    "without TLS",
    "a clock that jumps while a task runs": "the tests may not set the clock of the machine: the clock that a run is "
    "given is an hour off instead, and so is the exchanges'",
    "Redis Cluster and Sentinel, InfluxDB Cloud and clusters": "only single servers run here",
    "a network that parts two machines, the Kubernetes executor": "one machine; LocalExecutor, and Celery workers",
    "an answer that is stale by less than ten minutes, of an exchange whose answers may begin before what was asked "
    "for (coinbaseexchange)": "it cannot be told from a sound one; the second and the closing look ask again",
}


def not_tried() -> dict[str, str]:
    """Return the reasons, by fault."""
    if may_mount():
        return _NOT_TRIED
    return {FULL_DISK: "only who may mount can have a disk to fill; InfluxDB's answers are injected", **_NOT_TRIED}
