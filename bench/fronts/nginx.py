"""Open-source nginx: it balances requests, over HTTP/1.1 by proxy_pass and over HTTP/2 by grpc_pass."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from bench.fronts.counts import (
    BROKEN_RESPONSE,
    NO_CONNECTION,
    NO_REPLICA,
    REFUSED,
    STATUS_5XX,
    TIMEOUT,
    BadStatistics,
    Counts,
    ReplicaCounts,
    happened,
)
from bench.fronts.front import Front, Habits, Question, first, why_no_call_status, why_no_gzip
from bench.fronts.plan import CA, CERTIFICATE, RESOURCE_EXHAUSTED, SUITES, FrontPlan

BALANCE = {"default": "", "request": "", "least": "least_conn"}
"""Each in turn is what it does by default, and has no directive."""
SOCKET, CALLS = "flush.sock", "calls.log"
GROUP = "replicas"
"""What stands in place of an address in its log where no replica was tried."""
FLUSH = Question(SOCKET, b"GET / HTTP/1.0\r\n\r\n")


class Nginx(Front):
    """One nginx."""

    name: ClassVar[str] = "nginx"
    program: ClassVar[str] = "nginx"
    template: ClassVar[str] = "nginx.conf.jinja"
    config: ClassVar[str] = "nginx.conf"
    habits: ClassVar[Habits] = Habits(
        balances="requests, in turn",
        checks="none: it avoids a replica after failed requests",
        compresses="zlib, any level",
        streams="128; each has a connection of its own to the replica",
        idle="are closed after --keep-alive and --upstream-keep-alive",
        beyond_connections="503; connections with a request at work count, and each request over HTTP/2",
        beyond_in_flight="502",
        beyond_rate="429",
        counts="calls and failures, with a log (--count-calls)",
    )
    version_flag: ClassVar[str] = "-v"

    def why_not(self, plan: FrontPlan) -> str | None:
        """It has no queue, and passes TLS through with another module only."""
        queues = plan.limits.queue is not None or plan.limits.queue_s is not None
        passes = "nginx passes TLS through with its stream module, which is a package of its own; use haproxy-tcp"
        return first(
            passes if plan.passes else None,
            why_no_gzip(plan),
            why_no_call_status(plan),
            "open-source nginx has no queue for requests" if queues else None,
        )

    def command(self, program: str, directory: str) -> list[str]:
        """In the foreground, one process, so that nothing outlives it."""
        options = ["-p", directory, "-e", "stderr", "-c", f"{directory}/{self.config}"]
        return [program, *options, "-g", "daemon off; master_process off;"]

    def version(self, printed: str) -> str:
        """`1.22.1` of `nginx version: nginx/1.22.1`."""
        return printed.partition("nginx/")[2].split()[0] if "nginx/" in printed else ""

    def questions(self, plan: FrontPlan) -> tuple[Question, ...]:
        """Its log of calls. It has no counters of replicas, so there is nothing where calls are not logged."""
        return (FLUSH, Question(CALLS)) if plan.counts_calls else ()

    def counts(self, plan: FrontPlan, answers: Sequence[bytes]) -> Counts:
        """What the log says."""
        if not answers:
            return Counts(replicas={upstream: ReplicaCounts() for upstream in plan.upstreams})
        calls: Counter[str] = Counter()
        failures: Counter[tuple[str, str]] = Counter()
        statuses: Counter[str] = Counter()
        connections = 0
        for request in _logged(answers[1]):
            connections += request.first_of_connection
            calls.update(request.upstreams)
            failures.update(request.failed)
            statuses[request.status_class] += 1
        return Counts(
            replicas={
                upstream: ReplicaCounts(
                    calls=calls[upstream],
                    failures=happened({kind: count for (where, kind), count in failures.items() if where == upstream}),
                )
                for upstream in plan.upstreams
            },
            calls=statuses.total(),
            connections=connections,
            failures=happened({kind: count for (where, kind), count in failures.items() if not where}),
            statuses=statuses,
        )

    def values(self, plan: FrontPlan, directory: str) -> dict[str, object]:
        """Lines and words that depend on several values of the plan."""
        secure = "s" if plan.upstream_tls else ""
        return {
            "balance": BALANCE[plan.balance],
            "server": " ".join(_words(plan)),
            "module": "grpc" if plan.row.http2 else "proxy",
            "scheme": ("grpc" if plan.row.http2 else "http") + secure,
            "headers": dict(_headers(plan)),
            "certificate": CERTIFICATE,
            "ca": CA,
            "suites": SUITES,
            "exhausted": RESOURCE_EXHAUSTED,
            "calls": CALLS,
            "socket": SOCKET,
        }


def _words(plan: FrontPlan) -> Iterator[str]:
    """What every server line has."""
    health = plan.health
    # Whole seconds only.
    yield f"max_fails={health.fall} fail_timeout={math.ceil(health.interval_s)}s" if health else "max_fails=0"
    if plan.limits.in_flight is not None:
        yield f"max_conns={plan.limits.in_flight}"


def _headers(plan: FrontPlan) -> Iterator[tuple[str, str]]:
    """What replaces headers of the client."""
    if not plan.row.http2:
        yield "Host", "$http_host"
        if plan.times.upstream_keep_alive_s:
            yield "Connection", '""'
    if plan.gzip:
        yield "Accept-Encoding", '""'


class _Logged(NamedTuple):
    """What the log says of one request."""

    upstreams: list[str]
    """The replicas that were tried."""
    first_of_connection: bool
    failed: list[tuple[str, str]]
    """What failed where."""
    status_class: str


def _logged(log: bytes) -> Iterator[_Logged]:
    """Every request. Raises BadStatistics."""
    for line in log.decode().splitlines():
        try:
            addresses, *columns, status, number = line.split("|")
            statuses, connects, headers = (column.split(", ") for column in columns)
        except ValueError:
            raise BadStatistics(f"the log of nginx has the line {line[:80]!r}") from None
        tried = [address for address in addresses.split(", ") if address not in ("-", GROUP)]
        # Columns have as many values as replicas were tried, and one where none was.
        failed = [
            (address, kind)
            for address, *what in zip(tried, statuses, connects, headers, strict=False)
            if (kind := _failure(*what))
        ]
        if not tried:
            failed.append(("", NO_REPLICA if addresses == GROUP else REFUSED))
        yield _Logged(tried, number == "1", failed, f"{status[:1]}xx")


def _failure(status: str, connected: str, responded: str) -> str:
    """What kind of failure a status is, or none. The times are `-` where there was no connection, or no head of a
    response; then the status is nginx's own."""
    if responded != "-":
        return STATUS_5XX if status >= "500" else ""
    if connected == "-" and status == "502":
        return NO_CONNECTION
    return {"504": TIMEOUT, "502": BROKEN_RESPONSE}.get(status, "")
