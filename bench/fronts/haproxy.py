"""HAProxy in HTTP mode: it balances requests, over HTTP/1.1 and HTTP/2."""

from collections.abc import Iterator
from typing import ClassVar

from bench.fronts import haproxy_parts as parts
from bench.fronts.front import (
    Habits,
    first,
    milliseconds,
    why_no_call_status,
    why_no_gzip,
    why_no_queue,
)
from bench.fronts.plan import GZIP_LEVEL, RESOURCE_EXHAUSTED, FrontPlan

BALANCE = {"default": "", "request": "roundrobin", "least": "leastconn"}


class HAProxy(parts.OneHAProxy):
    """One HAProxy, which reads requests."""

    name: ClassVar[str] = "haproxy"
    template: ClassVar[str] = "haproxy.cfg.jinja"
    habits: ClassVar[Habits] = Habits(
        balances="requests, in turn",
        checks="GET /health; grpc.health.v1, written in bytes",
        compresses="libslz, which has one level; status 200 to 203 only",
        streams="100; --streams holds for its connections to replicas, too",
        idle="clients' are closed after --keep-alive; of those to replicas half of what is not needed is, each "
        "--upstream-keep-alive",
        beyond_connections="are not accepted: they wait",
        beyond_in_flight="wait: without limit, up to --queue, or for --queue-time; then 503",
        beyond_rate="429",
        counts="calls, connections, failures",
    )
    sees_requests: ClassVar[bool] = True

    def why_not(self, plan: FrontPlan) -> str | None:
        """It reads requests, so it cannot pass TLS through."""
        passes = "in HTTP mode HAProxy reads requests, which TLS hides from it; haproxy-tcp passes TLS through"
        level = "HAProxy compresses with libslz, which has one level" if plan.gzip_level != GZIP_LEVEL else None
        return first(
            passes if plan.passes else None,
            why_no_gzip(plan),
            level if plan.gzip else None,
            why_no_queue(plan),
            why_no_call_status(plan),
        )

    def values(self, plan: FrontPlan, directory: str) -> dict[str, object]:
        """Lines and words that depend on several values of the plan."""
        return {
            "socket": parts.SOCKET,
            "bind": parts.bind(plan, directory) or (" proto h2" if plan.row.http2 else ""),
            "refuse": _refusal(plan),
            "balance": BALANCE[plan.balance],
            "check": parts.check_lines(plan),
            "server": " ".join(_words(plan, directory)),
        }


def _refusal(plan: FrontPlan) -> dict[int, str]:
    """What a rule does with a request that is refused, by the HTTP status that it would have otherwise."""
    if not plan.limits.call_status:
        return {status: f"deny deny_status {status}" for status in (429, 503)}
    header = plan.row.call_status
    exhausted = f"return status 200 content-type application/grpc hdr {header} {RESOURCE_EXHAUSTED}"
    return dict.fromkeys((429, 503), exhausted)


def _words(plan: FrontPlan, directory: str) -> Iterator[str]:
    """What every server line has."""
    if plan.row.http2 and not plan.upstream_tls:
        yield "proto h2"
    yield from parts.tls_to_replicas(plan, directory)
    yield from parts.check_words(plan)
    yield from parts.limits(plan)
    idle_s = plan.times.upstream_keep_alive_s
    yield f"pool-purge-delay {milliseconds(idle_s)}" if idle_s else "max-reuse 0"
