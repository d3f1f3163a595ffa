"""HAProxy in TCP mode: it balances connections, so all calls of a connection go to one replica."""

from collections.abc import Iterator
from typing import ClassVar

from bench.fronts import haproxy_parts as parts
from bench.fronts.front import Habits, first, why_no_queue
from bench.fronts.plan import FrontPlan

BALANCE = {"default": "", "least": "leastconn"}


class HAProxyTcp(parts.OneHAProxy):
    """One HAProxy, which passes bytes on."""

    name: ClassVar[str] = "haproxy-tcp"
    template: ClassVar[str] = "haproxy-tcp.cfg.jinja"
    habits: ClassVar[Habits] = Habits(
        balances="connections, in turn",
        checks="GET /health; grpc.health.v1, written in bytes",
        compresses="",
        streams="as many as the replica takes",
        idle="both sides are closed after the shorter of --keep-alive and --upstream-keep-alive",
        beyond_connections="are not accepted: they wait",
        beyond_in_flight="connections wait: without limit, up to --queue, or for --queue-time; then they are closed",
        beyond_rate="connections are closed",
        counts="connections, failures",
    )
    sees_requests: ClassVar[bool] = False

    def why_not(self, plan: FrontPlan) -> str | None:
        """It sees connections and bytes, and no requests."""
        impossible = {
            "in TCP mode HAProxy balances connections, not requests": plan.balance not in BALANCE,
            "in TCP mode HAProxy passes responses on as they are, without compressing them": plan.gzip,
            "in TCP mode HAProxy sees no calls, so it refuses connections": plan.limits.call_status,
            "in TCP mode HAProxy takes no part in HTTP/2, so it limits no streams": plan.limits.streams is not None,
            "in TCP mode each client's connection has one of its own to a replica, which ends with it": (
                plan.times.upstream_keep_alive_s == 0
            ),
        }
        return first(*(reason for reason, holds in impossible.items() if holds), why_no_queue(plan))

    def values(self, plan: FrontPlan, directory: str) -> dict[str, object]:
        """Lines and words that depend on several values of the plan."""
        return {
            "socket": parts.SOCKET,
            "bind": parts.bind(plan, directory),
            "balance": BALANCE[plan.balance],
            "check": parts.check_lines(plan),
            "server": " ".join(_words(plan, directory)),
        }


def _words(plan: FrontPlan, directory: str) -> Iterator[str]:
    """What every server line has."""
    yield from parts.tls_to_replicas(plan, directory)
    yield from parts.check_words(plan)
    yield from parts.limits(plan)
