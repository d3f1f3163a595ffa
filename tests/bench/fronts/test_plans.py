"""What fronts refuse, and that everything else changes what they are configured for."""

from dataclasses import replace
from typing import Any

import pytest

from bench.fronts.plan import TLS_PLACES, FrontLimits, FrontPlan, FrontTimes, HealthCheck
from bench.fronts.registry import FRONTS, front
from bench.protocols import PROTOCOLS

STATUS_OF_CALLS = FrontLimits(rate_hz=1, call_status=True)
USUAL = FrontPlan(protocol="grpc", upstreams=("127.0.0.1:4001", "127.0.0.1:4002"))

CHANGES: dict[str, dict[str, Any]] = {
    "tls": {"tls_at": "both"},
    "balance": {"balance": "least"},
    "no checks": {"health": None},
    "interval": {"health": HealthCheck(interval_s=7)},
    "fall": {"health": HealthCheck(fall=5)},
    "connections": {"limits": FrontLimits(connections=5)},
    "in flight": {"limits": FrontLimits(in_flight=5)},
    "rate": {"limits": FrontLimits(rate_hz=5)},
    "connect": {"times": FrontTimes(connect_s=7)},
    "client keep-alive": {"times": FrontTimes(client_keep_alive_s=7)},
    "upstream keep-alive": {"times": FrontTimes(upstream_keep_alive_s=7)},
    "retries": {"retries": 2},
    "access log": {"access_log": True},
    "address": {"address": "127.0.0.1:4999"},
    "replica": {"upstreams": ("127.0.0.1:4003",)},
}


@pytest.mark.parametrize("name", FRONTS)
@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_planned_is_configured(name: str, change: str) -> None:
    one, plan = front(name), replace(USUAL, **CHANGES[change])
    assert one.why_not(plan) is None
    assert one.render(plan, "/d") != one.render(USUAL, "/d")


@pytest.mark.parametrize("name", FRONTS)
def test_protocols_are_configured_apart_where_they_differ(name: str) -> None:
    one = front(name)
    rendered = {row.name: one.render(replace(USUAL, protocol=row.name), "/d") for row in PROTOCOLS.values()}
    assert rendered["grpc"] != rendered["http"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", FRONTS)
def test_certificates_are_needed_where_tls_is(name: str, protocol: str) -> None:
    one = front(name)
    for tls_at in TLS_PLACES:
        plan = replace(USUAL, protocol=protocol, tls_at=tls_at)
        if one.why_not(plan) is not None:
            continue
        (text,) = one.render(plan, "/d").values()
        assert ("/d/certificate.pem" in text) == (tls_at in ("front", "both"))
        assert ("/d/ca.pem" in text) == (tls_at in ("producer", "both", "pass"))


@pytest.mark.parametrize(
    ("names", "changes", "reason"),
    [
        (["haproxy", "nginx", "envoy"], {"tls_at": "pass"}, "haproxy-tcp"),
        (["haproxy", "nginx", "envoy"], {"gzip": True}, "no front can compress gRPC"),
        (["haproxy-tcp"], {"gzip": True}, "without compressing them"),
        (["haproxy"], {"protocol": "http", "gzip": True, "gzip_level": 9}, "libslz, which has one level"),
        (["haproxy-tcp"], {"balance": "request"}, "connections, not requests"),
        (["haproxy-tcp"], {"limits": FrontLimits(streams=5)}, "it limits no streams"),
        (["haproxy-tcp"], {"times": FrontTimes(upstream_keep_alive_s=0)}, "one of its own to a replica"),
        (["haproxy", "haproxy-tcp", "envoy"], {"limits": FrontLimits(queue=5)}, "a queue needs a limit"),
        (
            ["haproxy", "nginx", "envoy"],
            {"protocol": "http", "limits": FrontLimits(call_status=True)},
            "besides that of HTTP",
        ),
        (["haproxy-tcp"], {"limits": STATUS_OF_CALLS}, "it refuses connections"),
        (["nginx"], {"limits": FrontLimits(in_flight=1, queue=5)}, "has no queue"),
        (["envoy"], {"limits": FrontLimits(in_flight=1, queue=5)}, "none waits"),
        (["envoy"], {"limits": FrontLimits(in_flight=1, queue_s=5)}, "not how long"),
    ],
)
def test_what_a_front_cannot_do_is_said(names: list[str], changes: dict[str, Any], reason: str) -> None:
    for name in names:
        assert reason in (front(name).why_not(replace(USUAL, **changes)) or "")


def test_all_rows_are_fronts_of_their_names() -> None:
    assert [front(name).name for name in FRONTS] == list(FRONTS)
    versions = {
        "haproxy": (
            "HAProxy version 2.6.12-1+deb12u4 2026/10/17\nStatus: …",
            "2.6.12-1+deb12u4",
        ),
        "nginx": ("nginx version: nginx/1.22.1\n", "1.22.1"),
        "envoy": ("\nenvoy  version: 9e55809/1.40.0/Clean/RELEASE/BoringSSL\n\n", "1.40.0"),
    }
    for name, (printed, version) in versions.items():
        assert (front(name).version(printed), front(name).version("what?")) == (version, "")
