"""Choose TCP ports on 127.0.0.1."""

from __future__ import annotations

import socket
from collections.abc import Callable

from dev.local_stack.errors import LocalStackError

HOST = "127.0.0.1"


def free_port() -> int:
    """Return a port that nothing listens on right now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        # As servers do: otherwise a port whose last connections linger looks busy for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose_port(service: str, variable: str, asked: int | None, preferred: int, say: Callable[[str], None]) -> int:
    """Return the port the user asked for, else the preferred one, else a free one.

    Raises LocalStackError when the port that the user asked for (by `variable`) is busy.
    """
    if asked is not None:
        if is_free(asked):
            return asked
        raise LocalStackError(
            f"Port {asked} for {service} is busy: end the program that uses it, "
            f"choose another with {variable}=..., or leave {variable} out to get a free one."
        )
    if is_free(preferred):
        return preferred
    port = free_port()
    say(f"Port {preferred} is busy, {service} takes {port} (choose one with {variable}=...)")
    return port
