"""Tests can only connect to this machine, so that their results never depend on the network."""

import socket

import pytest
from pytest_socket import SocketConnectBlockedError

# RFC 5737: an address for documentation, which no machine has.
ELSEWHERE = "192.0.2.1"


def test_a_connection_to_another_machine_is_refused():
    with pytest.raises(SocketConnectBlockedError), socket.create_connection((ELSEWHERE, 80), timeout=1):
        pass


def test_a_connection_to_this_machine_is_made():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5):
        pass
