"""HTTP for ccxt with bounds: a response that is too large or takes too long is abandoned.

The timeout of requests limits only the silence between two reads: a server that sends a byte now and then would hold a
task for ever, and one that never stops sending would fill the memory.
"""

import io
import math
import socket
import time
from collections.abc import Iterator
from functools import cache
from http.client import HTTPResponse
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ReadTimeoutError

# The largest known response, binance's list of markets, is below 20 MB.
MAX_ANSWER_BYTES = 64 * 2**20
MAX_ANSWER_SECONDS = 60.0
# Six times what requests reads at once: a page of candles has about 170 kB.
READ_BYTES = 2**16


class AnswerRefusedError(requests.ConnectionError):
    """A response that was abandoned while it was read. As a connection error, it is temporary to ccxt."""


class _OverdueError(TimeoutError):
    """The head or the body of a response takes too long, though its bytes keep coming."""


class BoundedAdapter(HTTPAdapter):
    """Mounted on a session, limits responses to 64 MB, and to a minute each for head and body."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return the connections for a request, to its host or a proxy, with a limit to the time of their responses."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = _timed(pool.ConnectionCls)
        return pool

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send the request, and limit the body of its response."""
        response = super().send(request, *args, **kwargs)
        response.raw = _BoundedBody(response.raw)
        return response


class _BoundedBody:
    """A body that stops being read beyond its limits, and otherwise behaves as the body that it wraps."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def stream(self, amount: int, decode_content: bool | None = None) -> Iterator[bytes]:
        """Yield data as soon as it arrives, in parts of `amount` bytes or more."""
        size = 0
        try:
            while chunk := self._raw.read1(max(amount, READ_BYTES), decode_content=decode_content):
                size += len(chunk)
                if size > MAX_ANSWER_BYTES:
                    self._refuse(f"the answer is larger than {MAX_ANSWER_BYTES // 2**20} MB")
                yield chunk
        except ReadTimeoutError as error:
            if isinstance(error.__cause__, _OverdueError):
                self._refuse(str(error.__cause__))
            raise

    def _refuse(self, why: str) -> None:
        self._raw.close()
        raise AnswerRefusedError(f"{why}; it was not read further")


@cache
def _timed(connection: type[HTTPConnection]) -> type[HTTPConnection]:
    """Return a class of connections whose responses have a limit of time."""
    if connection.response_class is _TimedResponse:
        return connection
    return type(connection.__name__, (connection,), {"response_class": _TimedResponse})


class _TimedResponse(HTTPResponse):
    """A response whose head and body must each arrive in time; also a proxy's response to CONNECT."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._reads = _TimedReads(sock, self.fp.detach())
        self.fp = io.BufferedReader(self._reads)

    def begin(self) -> None:
        """Read the head; the time of the body begins after it."""
        super().begin()
        self._reads.restart()


class _TimedReads(io.RawIOBase):
    """Reads a socket until a deadline, including the lines of heads and chunks, however slowly they come."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock, self._raw = sock, raw
        self._silence_seconds = sock.gettimeout() or math.inf
        self.restart()

    def restart(self) -> None:
        """Move the deadline, to MAX_ANSWER_SECONDS from now."""
        self._deadline = time.monotonic() + MAX_ANSWER_SECONDS

    def readable(self) -> bool:
        """Return True, as for any socket."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what has arrived. Raises _OverdueError at the deadline, TimeoutError after the socket's own timeout."""
        self._end_by_deadline()
        try:
            return self._raw.readinto(buffer)
        except TimeoutError:
            self._end_by_deadline()
            raise

    def close(self) -> None:
        """Release the socket."""
        self._raw.close()
        super().close()

    def _end_by_deadline(self) -> None:
        """Let a read wait no longer than until the deadline. Raises _OverdueError if that has passed."""
        seconds_left = self._deadline - time.monotonic()
        if seconds_left <= 0:
            raise _OverdueError(f"the answer took longer than {MAX_ANSWER_SECONDS:g} s")
        self._sock.settimeout(min(seconds_left, self._silence_seconds))
