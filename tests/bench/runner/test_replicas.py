"""Ports of replicas: free, and not among those that the system gives to connections."""

import pytest

from bench.machine import ports_of_connections
from bench.runner.replicas import NoFreePort, kept_ports


def test_ports_of_replicas_are_not_those_of_connections() -> None:
    found = kept_ports(20)
    assert len(set(found)) == 20
    assert not set(found) & set(ports_of_connections() or ())


def test_too_few_ports_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.runner.replicas.PORTS_TRIED", 3)
    with pytest.raises(NoFreePort, match="3 ports were tried"):
        kept_ports(4)
