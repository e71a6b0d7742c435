import hashlib
import io
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dev.local_stack.influxd_archive import Archive, ArchiveError, archive_for_this_platform, install
from dev.local_stack.ports import HOST, free_port


def packed(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


GOOD = packed({"influxdb2-9.9.9/influxd": b"#!/bin/sh\n", "influxdb2-9.9.9/README": b"read me"})


@pytest.fixture
def serve():
    """Serve these bytes at an address of this machine."""
    servers = []

    def start(body, status=200):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        server = ThreadingHTTPServer((HOST, 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://{HOST}:{server.server_port}/influxdb2.tar.gz"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def install_from(url, folder, sha256):
    said = []
    install(Archive(version="9.9.9", url=url, sha256=sha256), folder / "influxd", said.append, said.append)
    return said


def sha256_of(content):
    return hashlib.sha256(content).hexdigest()


def test_a_checked_archive_is_installed(serve, tmp_path):
    said = install_from(serve(GOOD), tmp_path, sha256_of(GOOD))
    assert (tmp_path / "influxd").read_bytes() == b"#!/bin/sh\n"
    assert (tmp_path / "influxd").stat().st_mode & 0o777 == 0o755
    assert [file.name for file in tmp_path.iterdir()] == ["influxd"]
    assert "Trying to download influxd 9.9.9" in said[0]
    assert "HTTPS_PROXY" in said[1]
    assert said[2] == "Downloading influxd: 0 of 0 MB"


@pytest.mark.parametrize(
    ("body", "status", "sha256", "message"),
    [
        (GOOD, 200, "0" * 64, "not used"),
        (GOOD[:-20], 200, sha256_of(GOOD), "not used"),
        (GOOD, 404, sha256_of(GOOD), "HTTP 404"),
        (b"no archive", 200, sha256_of(b"no archive"), "can't be unpacked"),
        (packed({"other": b""}), 200, sha256_of(packed({"other": b""})), "Expected one influxd"),
    ],
    ids=["wrong sum", "cut off", "not found", "not an archive", "no influxd in it"],
)
def test_anything_else_is_refused_and_leaves_nothing(serve, tmp_path, body, status, sha256, message):
    with pytest.raises(ArchiveError, match=message):
        install_from(serve(body, status), tmp_path, sha256)
    assert list(tmp_path.iterdir()) == []


def test_no_connection_is_one_short_line(tmp_path):
    with pytest.raises(ArchiveError, match=r"Could not download .* \(ConnectionError\)"):
        install_from(f"http://{HOST}:{free_port()}/x", tmp_path, "0" * 64)


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("Linux", "x86_64", "linux_amd64"),
        ("Linux", "aarch64", "linux_arm64"),
        ("Darwin", "arm64", "darwin_amd64"),
    ],
)
def test_the_archive_of_a_platform(monkeypatch, system, machine, name):
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert archive_for_this_platform("2.9.1").url.endswith(f"/influxdb2-2.9.1_{name}.tar.gz")
    assert archive_for_this_platform("2.0.0") is None


def test_a_platform_without_archive(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert archive_for_this_platform("2.9.1") is None
