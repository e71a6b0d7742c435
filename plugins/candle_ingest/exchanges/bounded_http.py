"""HTTP for ccxt with bounds: a response that is too large or takes too long is abandoned.

The timeout of requests limits only the silence between two reads: a server that sends a byte now and then would hold a
task for ever, and one that never stops sending would fill the memory.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

# The largest known response, binance's list of markets, is below 20 MB.
MAX_ANSWER_BYTES = 64 * 2**20
MAX_ANSWER_SECONDS = 60.0


class AnswerRefusedError(requests.ConnectionError):
    """A response that was abandoned while it was read. As a connection error, it is temporary to ccxt."""


class BoundedAdapter(HTTPAdapter):
    """Mounted on a session, limits responses to 64 MB, and to a minute each for head and body."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pool manager, with connections that limit the time of a head."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Do the same for a proxy. A SOCKS proxy has its own connections, whose heads are not limited."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager

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
        """Yield data as soon as it arrives: waiting for full chunks would let slow bytes pass."""
        size, deadline = 0, time.monotonic() + MAX_ANSWER_SECONDS
        while chunk := self._raw.read1(amount, decode_content=decode_content):
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                self._refuse(f"the answer is larger than {MAX_ANSWER_BYTES // 2**20} MB")
            if time.monotonic() > deadline:
                self._refuse(f"the answer took longer than {MAX_ANSWER_SECONDS:g} s")
            yield chunk

    def _refuse(self, why: str) -> None:
        self._raw.close()
        raise AnswerRefusedError(f"{why}; it was not read further")


class _TimedHead:
    """A connection that limits the time of a response's head, which is read line by line, however slowly it comes."""

    def getresponse(self) -> Any:
        """Return the response. Raises TimeoutError if its head takes too long."""
        gave_up = threading.Event()
        watch = threading.Timer(MAX_ANSWER_SECONDS, self._give_up, [gave_up])
        watch.daemon = True
        watch.start()
        try:
            response = super().getresponse()  # type: ignore[misc]
        except (OSError, HTTPException) as error:
            if gave_up.is_set():
                raise TimeoutError(f"no answer within {MAX_ANSWER_SECONDS:g} s") from error
            raise
        finally:
            watch.cancel()
        # A head that is cut off between two lines looks like a complete one.
        if gave_up.is_set():
            raise TimeoutError(f"no answer within {MAX_ANSWER_SECONDS:g} s")
        return response

    def _give_up(self, gave_up: threading.Event) -> None:
        gave_up.set()
        with suppress(OSError, AttributeError):
            # Shut down the plain socket, also below TLS: that wakes the reading thread.
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)  # type: ignore[attr-defined]


class _TimedConnection(_TimedHead, HTTPConnection):
    pass


class _TimedSecureConnection(_TimedHead, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _TimedConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _TimedSecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}
