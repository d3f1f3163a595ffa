"""`bench front show`: a configuration that can be copied, and what it refuses."""

import pytest

from bench.fronts.registry import FRONTS
from tests.support.programs import run_here


@pytest.mark.parametrize("name", FRONTS)
def test_a_configuration_names_what_it_needs(name: str) -> None:
    shown = run_here("bench", "front", "show", name, "--protocol", "grpc", "--tls-at", "both", "--replicas", "3")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "Start it with: " in shown.stdout
    assert "certificate.pem: its certificate chain" in shown.stdout
    assert all(str(port) in shown.stdout for port in (4000, 4001, 4002, 4003))


def test_replicas_can_be_named() -> None:
    shown = run_here("bench", "front", "show", "haproxy", "--upstream", "one.test:80", "--upstream", "[::1]:81")
    assert "server replica1 one.test:80\n" in shown.stdout
    assert "server replica2 [::1]:81\n" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["squid"], "'squid' is not one of haproxy, haproxy-tcp, nginx, envoy"),
        (["nginx", "--tls-at", "pass"], "nginx: nginx passes TLS through with its stream module"),
        (["envoy", "--protocol", "grpc", "--gzip-at", "front"], "Envoy: no front can compress gRPC"),
        (["haproxy", "--gzip-at", "front", "--gzip-level", "1"], "HAProxy compresses with libslz"),
        (["haproxy-tcp", "--balance", "request"], "balances connections, not requests"),
        (["haproxy", "--queue", "5"], "a queue needs a limit of requests in flight"),
        (["haproxy", "--gzip-level", "3"], "--gzip-level has no effect without --gzip-at front"),
        (["haproxy", "--replicas", "3", "--upstream", "a:1"], "--replicas has no effect beside --upstream"),
        (["haproxy", "--check-interval", "0", "--rise", "3"], "--rise has no effect with --check-interval 0"),
        (["haproxy", "--upstream", "http://a:1"], "--upstream: 'http://a:1' is not HOST:PORT"),
        (["haproxy", "--listen", "a:b"], "--listen: 'a:b' is not an address"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(arguments: list[str], reason: str) -> None:
    shown = run_here("bench", "front", "show", *arguments)
    assert shown.returncode == 2
    assert shown.stdout == ""
    assert reason in shown.stderr
    assert shown.stderr.count("\n") == 1
