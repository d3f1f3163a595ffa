"""The listening sockets of a producer."""

import socket

import pytest

from producers.sockets import bound_sockets


def test_all_addresses_of_a_host_name_share_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    def two_and_one_missing(*_: object, **__: object) -> list[object]:
        addresses = ["127.0.0.1", "127.0.0.2", "192.0.2.1"]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", two_and_one_missing)
    sockets = bound_sockets("name", 0, share_port=False)
    names = [bound.getsockname() for bound in sockets]
    for bound in sockets:
        bound.close()
    assert [host for host, _ in names] == ["127.0.0.1", "127.0.0.2"]
    assert len({port for _, port in names}) == 1


def test_sockets_can_share_a_port() -> None:
    (first,) = bound_sockets("127.0.0.1", 0, share_port=True)
    (second,) = bound_sockets("127.0.0.1", first.getsockname()[1], share_port=True)
    assert first.getsockname() == second.getsockname()
    first.close()
    second.close()
