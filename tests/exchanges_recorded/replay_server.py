"""An HTTP server that sends prepared responses."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Reply:
    """One response: `body` is sent as JSON, or unchanged if it is text."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def replaying(answer: Callable[[str, int], Reply], date_ms: int) -> Iterator[str]:
    """Serve `answer(path, number of the request from 1)`, dated `date_ms`; yield the base URL."""
    count = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            """Log nothing."""

        def do_GET(self) -> None:
            nonlocal count
            count += 1
            reply = answer(urlsplit(self.path).path, count)
            text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body, ensure_ascii=False)
            body = text.encode()
            self.send_response_only(reply.status)
            kind = "text/html" if text.startswith("<") else "application/json"
            date = formatdate(date_ms / 1000, usegmt=True)
            length = str(len(body))
            for name, value in {"Date": date, "Content-Type": kind, **reply.headers, "Content-Length": length}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # How often it looks whether it is to end: half a second by default, which hundreds of tests would wait for.
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
