"""A TLS server in front of another one: it shows a certificate and passes on what it is sent."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import trustme

from dev.local_stack.ports import HOST


class TlsFront(socketserver.ThreadingTCPServer):
    """Listens on a free port of 127.0.0.1; `attempts` counts the connections."""

    daemon_threads = True

    def __init__(self, certificate: trustme.LeafCert, target_port: int) -> None:
        super().__init__((HOST, 0), _Passage)
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(self._context)
        self.target_port = target_port
        self.attempts = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def wrap(self, plain: socket.socket) -> ssl.SSLSocket:
        self.attempts += 1
        return self._context.wrap_socket(plain, server_side=True)


class _Passage(socketserver.BaseRequestHandler):
    server: TlsFront

    def handle(self) -> None:
        # A client that does not accept the certificate hangs up.
        with (
            contextlib.suppress(OSError),
            self.server.wrap(self.request) as client,
            socket.create_connection((HOST, self.server.target_port)) as target,
        ):
            threading.Thread(target=_pass_on, args=(target, client), daemon=True).start()
            _pass_on(client, target)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def tls_front(certificate: trustme.LeafCert, target_port: int) -> Iterator[TlsFront]:
    with TlsFront(certificate, target_port) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
