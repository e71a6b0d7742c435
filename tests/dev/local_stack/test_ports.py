import socket
import subprocess
import sys

import pytest

from dev.local_stack.airflow_processes import REPOSITORY
from dev.local_stack.errors import LocalStackError
from dev.local_stack.ports import HOST, choose_port, free_port, hold, release


@pytest.fixture(autouse=True)
def released():
    yield
    release()


@pytest.fixture
def busy_port():
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_requested_port_is_used_if_it_is_free():
    port = free_port()
    assert choose_port("Redis", "LOCAL_REDIS_PORT", port, preferred=1, say=pytest.fail) == port


def test_a_busy_requested_port_is_an_error_that_says_what_to_do(busy_port):
    with pytest.raises(LocalStackError, match=f"Port {busy_port} for Redis is busy.*LOCAL_REDIS_PORT="):
        choose_port("Redis", "LOCAL_REDIS_PORT", busy_port, preferred=busy_port, say=pytest.fail)


def test_a_busy_preferred_port_is_replaced_and_reported(busy_port):
    said = []
    port = choose_port("Redis", "LOCAL_REDIS_PORT", None, preferred=busy_port, say=said.append)
    assert port != busy_port
    release(port)
    assert hold(port)
    assert said == [f"Port {busy_port} is busy, Redis takes {port} (choose one with LOCAL_REDIS_PORT=...)"]


def test_a_port_that_another_run_has_chosen_is_busy_before_its_server_starts():
    port = free_port()
    assert choose_port("Redis", "LOCAL_REDIS_PORT", None, preferred=port, say=pytest.fail) == port
    assert choose_port("Redis", "LOCAL_REDIS_PORT", None, preferred=port, say=lambda text: None) != port
    release(port)
    with socket.socket() as server:
        server.bind((HOST, port))
        server.listen()


CHOOSES = """
import sys
from dev.local_stack.ports import choose_port, release
print(choose_port("Redis", "LOCAL_REDIS_PORT", None, int(sys.argv[1]), lambda text: None), flush=True)
release()
sys.stdin.read()
"""


def test_a_port_stays_that_of_its_run_until_its_server_starts():
    port = free_port()
    command = [sys.executable, "-c", CHOOSES, str(port)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == f"{port}\n"
        assert choose_port("Redis", "LOCAL_REDIS_PORT", None, preferred=port, say=lambda text: None) != port
    assert choose_port("Redis", "LOCAL_REDIS_PORT", None, preferred=port, say=pytest.fail) == port
