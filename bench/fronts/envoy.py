"""Envoy: it balances requests, over HTTP/1.1 and HTTP/2, and its health checks speak gRPC."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from bench.fronts.counts import (
    NO_CONNECTION,
    NO_REPLICA,
    REFUSED,
    RESET,
    STATUS_CLASSES,
    TIMEOUT,
    BadStatistics,
    Counts,
    ReplicaCounts,
    happened,
)
from bench.fronts.front import (
    Front,
    Habits,
    Question,
    first,
    why_no_call_status,
    why_no_gzip,
    why_no_queue,
)
from bench.fronts.http_answer import body_of
from bench.fronts.plan import CA, CERTIFICATE, FrontPlan
from bench.protocols import HEALTH_PATH

BALANCE = {"default": "", "request": "ROUND_ROBIN", "least": "LEAST_REQUEST"}
SOCKET = "admin.sock"
LISTENER, CLUSTER = "http.clients.", "cluster.replicas."
REFUSALS = ("rate_limited", "limited_connections", "upstream_rq_pending_overflow", "upstream_rq_active_overflow")
"""How the names of counters of refusals end: beyond a rate, of connections, of requests that wait, and in flight."""


def _get(path: str) -> Question:
    return Question(SOCKET, f"GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n".encode())


QUESTIONS = (_get("/clusters?format=json"), _get("/stats?format=json"))


class Envoy(Front):
    """One Envoy."""

    name: ClassVar[str] = "envoy"
    program: ClassVar[str] = "envoy"
    template: ClassVar[str] = "envoy.yaml.jinja"
    config: ClassVar[str] = "envoy.yaml"
    habits: ClassVar[Habits] = Habits(
        balances="requests, in turn",
        checks="GET /health; grpc.health.v1",
        compresses="zlib, any level",
        streams="1,024",
        idle="clients' end after --keep-alive and are closed 6 s later; those to replicas are closed after "
        "--upstream-keep-alive",
        beyond_connections="are closed",
        beyond_in_flight="HTTP/1.1: 1,024 or --queue wait, then 503; HTTP/2: UNAVAILABLE; of all replicas together",
        beyond_rate="429; gRPC: UNAVAILABLE",
        counts="calls, connections, failures",
    )
    version_flag: ClassVar[str] = "--version"

    def why_not(self, plan: FrontPlan) -> str | None:
        """It is configured to read requests, and its queue is one for connections."""
        limits = plan.limits
        passes = "it is configured to read requests here, which TLS hides from it; use haproxy-tcp"
        no_time = "Envoy limits how many requests wait, not how long"
        no_queue = "over HTTP/2 Envoy refuses requests beyond a limit, and none waits"
        return first(
            passes if plan.passes else None,
            why_no_gzip(plan),
            why_no_call_status(plan),
            why_no_queue(plan),
            no_time if limits.queue_s is not None else None,
            no_queue if limits.queue is not None and plan.row.http2 else None,
        )

    def command(self, program: str, directory: str) -> list[str]:
        """In the foreground, with one thread for requests."""
        options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
        return [program, "-c", f"{directory}/{self.config}", *options]

    def version(self, printed: str) -> str:
        """`1.40.0` of `envoy  version: 9e55…/1.40.0/Clean/RELEASE/BoringSSL`."""
        parts = printed.split("/")
        return parts[-4] if len(parts) >= 5 else ""

    def questions(self, plan: FrontPlan) -> tuple[Question, ...]:
        """On its admin socket."""
        return QUESTIONS

    def counts(self, plan: FrontPlan, answers: Sequence[bytes]) -> Counts:
        """What the admin socket says."""
        try:
            clusters, stats = (json.loads(body_of(answer)) for answer in answers)
            hosts = {_address(host): _values(host["stats"]) for host in _hosts(clusters)}
            found = _values(stats["stats"])
            failures = {
                REFUSED: sum(count for name, count in found.items() if name.endswith(REFUSALS)),
                NO_REPLICA: found.get(f"{CLUSTER}upstream_cx_none_healthy", 0),
            }
            return Counts(
                replicas={upstream: _replica(hosts[upstream]) for upstream in plan.upstreams},
                calls=found.get(f"{LISTENER}downstream_rq_total", 0),
                connections=found.get(f"{LISTENER}downstream_cx_total", 0),
                failures=happened(failures),
                statuses=happened({name: found.get(f"{LISTENER}downstream_rq_{name}", 0) for name in STATUS_CLASSES}),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise BadStatistics(f"Envoy's statistics cannot be read: {error!r}") from None

    def values(self, plan: FrontPlan, directory: str) -> dict[str, object]:
        """Values that depend on several of the plan."""
        host, _, port = plan.address.rpartition(":")
        return {
            "host": host,
            "port": port,
            "upstreams": [upstream.rpartition(":")[::2] for upstream in plan.upstreams],
            "balance": BALANCE[plan.balance],
            "breakers": _breakers(plan),
            "health_path": HEALTH_PATH,
            "socket": SOCKET,
            "certificate": CERTIFICATE,
            "ca": CA,
        }


def _breakers(plan: FrontPlan) -> dict[str, int]:
    """Limits of requests in flight. Over HTTP/1.1 each has a connection, for which others may wait."""
    limits = plan.limits
    if limits.in_flight is None:
        return {}
    together = limits.in_flight * len(plan.upstreams)
    if plan.row.http2:
        return {"max_requests": together}
    queue = {} if limits.queue is None else {"max_pending_requests": limits.queue * len(plan.upstreams)}
    return {"max_connections": together, **queue}


def _hosts(clusters: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [host for cluster in clusters["cluster_statuses"] for host in cluster.get("host_statuses", ())]


def _address(host: Mapping[str, Any]) -> str:
    address = host["address"]["socket_address"]
    return f"{address['address']}:{address['port_value']}"


def _values(stats: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Counters by name. One that is 0 may lack its value, and histograms have none."""
    return {each["name"]: int(each.get("value", 0)) for each in stats if "name" in each}


def _replica(host: Mapping[str, int]) -> ReplicaCounts:
    # Its errors are of requests that were not sent, too, such as those beyond a limit.
    failed = host["rq_total"] - host["rq_success"] - host["rq_active"]
    failures = {
        NO_CONNECTION: host["cx_connect_fail"],
        TIMEOUT: host["rq_timeout"],
        RESET: max(0, failed - host["rq_timeout"]),
    }
    return ReplicaCounts(calls=host["rq_total"], connections=host["cx_total"], failures=happened(failures))
