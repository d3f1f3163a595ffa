"""Connections are counted by the kernel, however short they are."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.load import watch
from bench.load.watch import ConnectionCount

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's connection counters")


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def port_of(server: socket.socket) -> int:
    port: int = server.getsockname()[1]
    return port


def test_open_connections_are_counted_once(server: socket.socket) -> None:
    with socket.create_connection(server.getsockname()) as first:
        count = ConnectionCount(port_of(server))
        count.begin()
        assert count.opened() == 0
        count.begin()
        with socket.create_connection(server.getsockname()), socket.create_connection(server.getsockname()):
            assert count.opened() == 2
            count.begin()
            first.send(b"x")
            assert count.opened() == 0


def test_closed_connections_are_counted(server: socket.socket) -> None:
    count = ConnectionCount(port_of(server))
    count.begin()
    for _ in range(5):
        with socket.create_connection(server.getsockname()):
            accepted, _ = server.accept()
        accepted.close()
    assert count.opened() == 5


def test_connections_to_other_ports_do_not_count(server: socket.socket) -> None:
    count = ConnectionCount(port_of(server))
    count.begin()
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        socket.create_connection(other.getsockname()),
    ):
        assert count.opened() == 0


def test_without_kernel_counters_the_count_is_unknown(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(watch, "COUNTERS", tmp_path / "none")
    monkeypatch.setattr(watch, "TABLES", (tmp_path / "none",))
    count = ConnectionCount(port_of(server))
    count.begin()
    assert count.opened() is None
