"""Choose TCP ports on 127.0.0.1."""

from __future__ import annotations

import socket
from collections.abc import Callable

from dev.local_stack.errors import PortBusyError

HOST = "127.0.0.1"


def free_port() -> int:
    """Return a port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


# Ports that this process holds until its servers start: another run might choose the same ones meanwhile.
_held: dict[int, socket.socket] = {}
# Ports that this process claims until it ends, so that no other run chooses one between its release and the start of
# its server.
_claimed: dict[int, socket.socket] = {}


def hold(port: int) -> bool:
    """Hold a port of 127.0.0.1 until `release`; return False if a server or another run has it."""
    is_new = port not in _claimed
    if not _claim(port):
        return False
    if _bind(port):
        return True
    if is_new:
        _claimed.pop(port).close()
    return False


def _claim(port: int) -> bool:
    """Claim the port among all runs on this machine; the kernel releases the claim when this process ends."""
    if port in _claimed:
        return True
    # An abstract socket name, which needs no file (Linux only).
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0candle-ingest-port-{port}")
    except OSError:
        claim.close()
        return False
    _claimed[port] = claim
    return True


def _bind(port: int) -> bool:
    probe = socket.socket()
    # As servers do: otherwise a port whose last connections linger looks busy for a minute.
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((HOST, port))
        # With SO_REUSEADDR, others can bind the port too unless a socket listens on it.
        probe.listen(1)
    except OSError:
        probe.close()
        return False
    _held[port] = probe
    return True


def release(port: int | None = None) -> None:
    """Give up a port, or all, just before servers start on them."""
    for held in [port] if port is not None else list(_held):
        if probe := _held.pop(held, None):
            probe.close()


def choose_port(service: str, variable: str, requested: int | None, preferred: int, say: Callable[[str], None]) -> int:
    """Return the requested port, or else the preferred one, or else a free one. It is held until `release`.

    Raises LocalStackError if the port that the user requested (by `variable`) is busy.
    """
    if requested is not None:
        if hold(requested):
            return requested
        raise PortBusyError(
            f"Port {requested} for {service} is busy: end the program that uses it, "
            f"choose another with {variable}=..., or leave {variable} out to get a free one."
        )
    if hold(preferred):
        return preferred
    port = free_port()
    hold(port)
    say(f"Port {preferred} is busy, {service} takes {port} (choose one with {variable}=...)")
    return port
