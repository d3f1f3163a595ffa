"""Connections are counted by the kernel, however short they are."""

import itertools
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


def counting(server: socket.socket, *, shared: bool = False, host: str = "127.0.0.1") -> ConnectionCount:
    return ConnectionCount(host, server.getsockname()[1], shared=shared)


def connect_and_close(server: socket.socket, times: int) -> None:
    for _ in range(times):
        with socket.create_connection(server.getsockname()[:2]):
            accepted, _ = server.accept()
        accepted.close()


def test_open_connections_are_counted_once(server: socket.socket) -> None:
    with socket.create_connection(server.getsockname()) as first:
        count = counting(server)
        count.begin()
        assert count.opened() == 0
        count.begin()
        with socket.create_connection(server.getsockname()), socket.create_connection(server.getsockname()):
            assert count.opened() == 2
            count.begin()
            first.send(b"x")
            assert count.opened() == 0


def test_closed_connections_are_counted(server: socket.socket) -> None:
    count = counting(server)
    count.begin()
    connect_and_close(server, 5)
    assert count.opened() == 5


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_server_is_found_by_any_name_of_its_address(server: socket.socket, host: str) -> None:
    count = counting(server, host=host)
    count.begin()
    connect_and_close(server, 3)
    assert count.opened() == 3


def test_connections_to_other_ports_do_not_count(server: socket.socket) -> None:
    count = counting(server)
    count.begin()
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        socket.create_connection(other.getsockname()),
    ):
        assert count.opened() == 0


def test_connections_to_the_same_port_of_another_address_do_not_count(server: socket.socket) -> None:
    count = counting(server)
    with socket.create_server(("127.0.0.2", server.getsockname()[1])) as other:
        count.begin()
        connect_and_close(other, 3)
        connect_and_close(server, 2)
        assert count.opened() == 2


def test_what_others_have_opened_to_a_shared_target_before_does_not_count(server: socket.socket) -> None:
    ours, theirs = counting(server, shared=True), counting(server, shared=True)
    for _ in range(3):
        for count in (ours, theirs):
            count.begin()
            connect_and_close(server, 4)
            assert count.opened() == 4


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
def test_both_ends_count_once_where_the_server_is_slow_to_close_and_listens_for_both_families() -> None:
    """The server's end is in the table of IPv6 then, and stays there until the server closes it, too."""
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        port = server.getsockname()[1]
        count = ConnectionCount("127.0.0.1", port, shared=True)
        count.begin()
        held = []
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port)):
                held.append(server.accept()[0])
        assert count.opened() == 3
        count.begin()
        for accepted in held:
            accepted.close()
        assert count.opened() == 0


@pytest.mark.parametrize(
    ("before", "after", "opened"),
    [
        ({}, {"a": None, "b": 6000}, 2),
        ({"a": None}, {"a": None}, 0),
        ({"a": None}, {"a": 6000}, 0),
        ({"a": 5000}, {"a": 4901}, 0),
        ({"a": 5000}, {"a": 5000}, 1),
        ({"a": 5000}, {"a": 6000}, 1),
        ({"a": 5000}, {"a": None}, 1),
        ({"a": 5000}, {}, 0),
    ],
)
def test_a_connection_from_the_port_of_a_closed_one_is_new(
    before: dict[str, int | None], after: dict[str, int | None], opened: int
) -> None:
    assert watch.opened_between(before, after, passed_ticks=100) == opened


def test_a_port_that_is_used_again_counts_again(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a run has used all local ports, and the kernel takes those of closed connections."""
    times = itertools.count()
    monkeypatch.setattr(watch, "monotonic", lambda: next(times))
    count = counting(server)
    # An address that nobody else connects from.
    source = ("127.0.0.77", 0)
    for _ in range(3):
        count.begin()
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            connection.bind(source)
            source = connection.getsockname()
            connection.connect(server.getsockname())
            accepted, _ = server.accept()
            accepted.close()
            assert connection.recv(1) == b""
        assert count.opened() == 1


def test_without_kernel_counters_the_count_is_unknown(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(watch, "COUNTERS", tmp_path / "none")
    monkeypatch.setattr(watch, "TABLES", (tmp_path / "none",))
    count = counting(server)
    count.begin()
    assert count.opened() is None
