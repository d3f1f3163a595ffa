"""What both fronts of HAProxy share: the parts of their configurations, and their statistics."""

import csv
import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

from bench.fronts import grpc_check
from bench.fronts.counts import (
    BROKEN_RESPONSE,
    NO_CONNECTION,
    NO_REPLICA,
    REFUSED,
    STATUS_5XX,
    STATUS_CLASSES,
    BadStatistics,
    Counts,
    ReplicaCounts,
    happened,
)
from bench.fronts.front import Front, Question, milliseconds
from bench.fronts.plan import CA, CERTIFICATE, SUITES, FrontPlan
from bench.protocols import HEALTH_PATH

SOCKET = "statistics.sock"
_ALERT = re.compile(r"\[ALERT\]\s+\(\d+\) : (.*)")
_VERSION = re.compile(r"HAProxy version (\S+)")


class OneHAProxy(Front):
    """One HAProxy, in either mode."""

    program: ClassVar[str] = "haproxy"
    config: ClassVar[str] = "haproxy.cfg"
    version_flag: ClassVar[str] = "-v"
    sees_requests: ClassVar[bool]
    """Whether it reads requests, and counts them; otherwise it counts connections."""

    def command(self, program: str, directory: str) -> list[str]:
        """In the foreground, one process."""
        return [program, "-db", "-f", f"{directory}/{self.config}"]

    def version(self, printed: str) -> str:
        """`2.6.12-1+deb12u4` of `HAProxy version 2.6.12-1+deb12u4 2023/12/16`."""
        found = _VERSION.search(printed)
        return found[1] if found else ""

    def reason(self, errors: Sequence[str]) -> str:
        """The first alert. Those behind it say that there was one."""
        alerts = (alert for line in errors if (alert := _ALERT.match(line)) is not None)
        return next((alert[1] for alert in alerts), super().reason(errors))

    def questions(self, plan: FrontPlan) -> tuple[Question, ...]:
        """On its statistics socket."""
        return (Question(SOCKET, b"show stat\n"),)

    def counts(self, plan: FrontPlan, answers: Sequence[bytes]) -> Counts:
        """What the statistics socket says, as CSV."""
        return _counts(plan, answers[0], sees_requests=self.sees_requests)


def bind(plan: FrontPlan, directory: str) -> str:
    """What follows the address that it listens on."""
    if plan.client_tls:
        return f" ssl crt {directory}/{CERTIFICATE} alpn {plan.alpn} ciphersuites {SUITES}"
    return ""


def tls_to_replicas(plan: FrontPlan, directory: str) -> Iterator[str]:
    """Words of a server line. Certificates are verified, with the name in them."""
    if plan.checks_tls:
        yield f"verify required ca-file {directory}/{CA} verifyhost {plan.upstream_name} ciphersuites {SUITES}"
    if plan.upstream_tls:
        yield f"ssl sni str({plan.upstream_name}) alpn {plan.alpn}"


def limits(plan: FrontPlan) -> Iterator[str]:
    """Words of a server line that limit what one replica gets. The others wait."""
    if plan.limits.in_flight is not None:
        yield f"maxconn {plan.limits.in_flight}"


def check_words(plan: FrontPlan) -> Iterator[str]:
    """Words of a server line that switch its health check on."""
    if (health := plan.health) is None:
        return
    yield f"check inter {milliseconds(health.interval_s)} rise {health.rise} fall {health.fall}"
    if plan.checks_tls:
        yield f"check-ssl check-sni {plan.upstream_name} check-alpn {plan.alpn}"
    if plan.row.health == "grpc":
        # The check sends and expects bytes, whatever the server line says of HTTP/2.
        yield "check-proto none"


def check_lines(plan: FrontPlan) -> list[str]:
    """Lines of a backend: what is asked of each replica."""
    if (health := plan.health) is None:
        return []
    timeout = f"timeout check {milliseconds(health.timeout_s)}"
    if plan.row.health == "http":
        return [
            timeout,
            "option httpchk",
            f"http-check send meth GET uri {HEALTH_PATH} ver HTTP/1.1 hdr Host {plan.upstream_name}",
            "http-check expect status 200",
        ]
    return [
        timeout,
        "# HAProxy makes no gRPC calls. These bytes are grpc.health.v1.Health/Check: preface, SETTINGS, HEADERS, DATA.",
        "option tcp-check",
        f"tcp-check send-binary {grpc_check.request(plan.upstream_name).hex()}",
        "# Wait for a response with any status. With min-recv, one other than SERVING fails without a wait for more.",
        f"tcp-check expect rbinary {grpc_check.ANSWERED.hex()}..",
        f"tcp-check expect min-recv 1 binary {grpc_check.SERVING.hex()}",
    ]


def _counts(plan: FrontPlan, answer: bytes, *, sees_requests: bool) -> Counts:
    try:
        rows = {row["svname"]: row for row in csv.DictReader(answer.decode().removeprefix("# ").splitlines())}
        client, backend = rows["FRONTEND"], rows["BACKEND"]
        servers = [rows[f"replica{number}"] for number in range(1, len(plan.upstreams) + 1)]
        failures = {
            # Denied, and answered by a rule.
            REFUSED: int(client["dreq"]) + int(client["intercepted"]) if sees_requests else int(client["dcon"]),
            # A request that no replica took has failed to connect in the backend alone.
            NO_REPLICA: int(backend["econ"]) - sum(int(server["econ"]) for server in servers),
        }
        return Counts(
            replicas={
                upstream: _replica(server, sees_requests=sees_requests)
                for upstream, server in zip(plan.upstreams, servers, strict=True)
            },
            calls=int(client["req_tot"]) if sees_requests else None,
            connections=int(client["conn_tot"]),
            failures=happened(failures),
            statuses=happened({name: int(client[f"hrsp_{name}"]) for name in STATUS_CLASSES} if sees_requests else {}),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise BadStatistics(f"HAProxy's statistics cannot be read: {error}") from None


def _replica(server: dict[str, str], *, sees_requests: bool) -> ReplicaCounts:
    # Of a server, HAProxy counts a session for each request in HTTP mode, for each connection in TCP mode.
    failures = {NO_CONNECTION: int(server["econ"]), BROKEN_RESPONSE: int(server["eresp"])}
    if sees_requests:
        failures[STATUS_5XX] = int(server["hrsp_5xx"])
    return ReplicaCounts(
        calls=int(server["stot"]) if sees_requests else None,
        connections=int(server["connect"] if sees_requests else server["stot"]),
        failures=happened(failures),
    )
