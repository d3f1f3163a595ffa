"""What a front is: a proxy between consumers and producers, as a value from which its configuration follows. Pure.

A front is one process with one listener. Cells that need another configuration have another process. In every front
one thread serves, so that CPU time per request can be compared, and nothing is tried again unless a plan says so.
"""

import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from bench.protocols import Protocol, protocol, title

if TYPE_CHECKING:
    import jinja2

TlsAt = Literal["none", "front", "producer", "both", "pass"]
"""Who serves TLS: nobody; the front alone (it terminates); the producer alone, so that the front speaks TLS to it and
not to the client; both (it decrypts and encrypts again); the producer, through the front, which passes bytes on."""
TLS_PLACES: tuple[TlsAt, ...] = get_args(TlsAt)
Balance = Literal["default", "request", "least"]
"""Which replica is next: what the front does where nothing is configured; each in turn, request by request; the one
with the fewest requests in flight, or connections where a front sees no requests."""
BALANCES: tuple[Balance, ...] = get_args(Balance)

GZIP_LEVEL = 6
"""zlib's own default, and that of the lab's producers."""
RESOURCE_EXHAUSTED = 8
"""The status of a gRPC call that exceeds a limit."""
CERTIFICATE, CA = "certificate.pem", "ca.pem"
FILES: Mapping[str, str] = {
    CERTIFICATE: "its certificate chain, followed by the private key",
    CA: "the authority that must have signed the certificates of the producers",
}
"""In a front's directory, where its plan needs them."""

SUITES = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
"""Of TLS 1.3, in the order of the lab's producers."""

NO_CONNECTION = "connection failed"
BROKEN_RESPONSE = "connection broken, or response invalid"
STATUS_5XX = "status 5xx from the replica"
TIMEOUT = "timeout"
RESET = "stream reset, or status 5xx from the replica"
REFUSED = "refused by the front"
NO_REPLICA = "no replica"
"""Kinds of failures in `Counts`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """How a front asks replicas for their health: as the protocol's row of `bench.protocols` says, where it can."""

    interval_s: float = 2.0
    """Between two checks of a replica. For a front that only watches requests: how long it avoids a replica."""
    timeout_s: float = 1.0
    rise: int = 2
    """So many checks in a row must succeed before a replica that was out gets requests again."""
    fall: int = 3
    """So many checks in a row must fail before a replica gets no more requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontLimits:
    """Limits of a front. None: the limit of the front itself, which is far away."""

    connections: int | None = None
    """Open connections of clients."""
    in_flight: int | None = None
    """Requests in flight at one replica; connections to it where the front sees no requests."""
    queue: int | None = None
    """Requests that wait, at most, for each replica; fronts count those of all replicas together. Needs `in_flight`."""
    queue_s: float | None = None
    """How long a request may wait for a replica. Needs `in_flight`."""
    rate_hz: int | None = None
    """Requests per second, or connections where the front sees no requests. More are refused."""
    streams: int | None = None
    """MAX_CONCURRENT_STREAMS of HTTP/2 connections of clients."""
    call_status: bool = False
    """Whether a refusal by rate or by the length of a queue is a response of gRPC with RESOURCE_EXHAUSTED, where it can
    be. Fronts know nothing of gRPC by default: its clients take a status of HTTP for UNAVAILABLE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontTimes:
    """Times of a front, in seconds."""

    connect_s: float = 5.0
    response_s: float = 30.0
    """How long a replica may take to respond."""
    client_keep_alive_s: float = 60.0
    """How long an idle connection of a client stays open."""
    upstream_keep_alive_s: float = 60.0
    """How long an idle connection to a replica stays open; 0: a new one for each request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPlan:
    """Everything a front's configuration is rendered from."""

    protocol: str
    upstreams: tuple[str, ...]
    """The replicas, as host:port."""
    upstream_name: str = "localhost"
    """The name that must be in their certificates, with TLS to them."""
    address: str = "127.0.0.1:4000"
    """Where it listens, as host:port."""
    tls_at: TlsAt = "none"
    gzip: bool = False
    """Whether the front compresses responses for clients that accept gzip, and asks replicas for none."""
    gzip_level: int = GZIP_LEVEL
    """zlib's level, for fronts that have a choice."""
    balance: Balance = "default"
    health: HealthCheck | None = field(default_factory=HealthCheck)
    """None: replicas are not checked, and none is ever taken out."""
    limits: FrontLimits = field(default_factory=FrontLimits)
    times: FrontTimes = field(default_factory=FrontTimes)
    retries: int = 0
    """How often the front sends a request again when a replica has failed."""
    counts_calls: bool = False
    """Whether the front counts calls per replica even where that costs time (a log line for each)."""
    access_log: bool = False
    """Whether each request is logged to access.log in the front's directory."""

    @property
    def row(self) -> Protocol:
        """What the bench knows of the protocol."""
        return protocol(self.protocol)

    @property
    def client_tls(self) -> bool:
        """Whether the front serves TLS with a certificate of its own."""
        return self.tls_at in ("front", "both")

    @property
    def upstream_tls(self) -> bool:
        """Whether the front itself speaks TLS to replicas."""
        return self.tls_at in ("producer", "both")

    @property
    def passes(self) -> bool:
        """Whether TLS goes through the front as it is."""
        return self.tls_at == "pass"

    @property
    def serves_tls(self) -> bool:
        """Whether clients speak TLS to its address."""
        return self.client_tls or self.passes

    @property
    def checks_tls(self) -> bool:
        """Whether health checks need TLS."""
        return self.upstream_tls or self.passes

    @property
    def alpn(self) -> str:
        """The protocol that TLS negotiates."""
        return "h2" if self.row.http2 else "http/1.1"

    @property
    def files(self) -> Mapping[str, str]:
        """What has to be in its directory besides what is rendered: names of files, and what they hold."""
        needed = {CERTIFICATE: self.client_tls, CA: self.checks_tls}
        return {name: FILES[name] for name, is_needed in needed.items() if is_needed}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaCounts:
    """What a front counted of one replica since it was started."""

    calls: int | None = None
    """Requests that were sent to it; None where the front did not count them."""
    connections: int | None = None
    """Connections that were opened to it; None where the front does not count them."""
    failures: Mapping[str, int] = field(default_factory=dict)
    """By kind, without those that did not happen."""

    def since(self, earlier: "ReplicaCounts") -> "ReplicaCounts":
        """What came after `earlier`."""
        return ReplicaCounts(
            calls=_difference(self.calls, earlier.calls),
            connections=_difference(self.connections, earlier.connections),
            failures=_differences(self.failures, earlier.failures),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a front counted since it was started."""

    replicas: Mapping[str, ReplicaCounts]
    """By host:port, in the order of the plan."""
    calls: int | None = None
    """Requests of clients; None where the front sees none."""
    connections: int | None = None
    """Connections of clients."""
    failures: Mapping[str, int] = field(default_factory=dict)
    """Of no replica, by kind: the front's own refusals."""
    statuses: Mapping[str, int] = field(default_factory=dict)
    """Responses to clients by the class of their HTTP status, `4xx`, without those that did not happen; empty where the
    front does not count them."""

    def since(self, earlier: "Counts") -> "Counts":
        """What came after `earlier`, which is of the same front."""
        return Counts(
            replicas={name: each.since(earlier.replicas[name]) for name, each in self.replicas.items()},
            calls=_difference(self.calls, earlier.calls),
            connections=_difference(self.connections, earlier.connections),
            failures=_differences(self.failures, earlier.failures),
            statuses=_differences(self.statuses, earlier.statuses),
        )


def _difference(later: int | None, earlier: int | None) -> int | None:
    return None if later is None or earlier is None else later - earlier


def _differences(later: Mapping[str, int], earlier: Mapping[str, int]) -> dict[str, int]:
    return happened({kind: count - earlier.get(kind, 0) for kind, count in later.items()})


STATUS_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
"""Of HTTP (RFC 9110, section 15)."""


def happened(failures: Mapping[str, int]) -> dict[str, int]:
    """Without the kinds that did not happen."""
    return {kind: count for kind, count in failures.items() if count}


class BadStatistics(ValueError):
    """A front's statistics cannot be read. The text says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """How one part of a front's statistics is asked for. The answer is all bytes up to the end."""

    name: str
    """A Unix socket in the front's directory, or a file."""
    request: bytes = b""
    """What is sent to the socket; empty: `name` is a file, which is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What a front does in its own way, in words: what readers have to know to compare fronts."""

    balances: str
    """What it sends to one replica after the other by default."""
    checks: str
    """How it learns that a replica is not ready, or gone."""
    compresses: str
    """With what; empty where it cannot."""
    streams: str
    """How many calls at a time it takes over one HTTP/2 connection of a client, without `FrontLimits.streams`."""
    idle: str
    """When connections without requests end."""
    beyond_connections: str
    """What happens to connections beyond `FrontLimits.connections`."""
    beyond_in_flight: str
    """What happens to requests beyond `FrontLimits.in_flight`."""
    beyond_rate: str
    """What happens to requests beyond `FrontLimits.rate_hz`."""
    counts: str
    """What it counts of each replica."""


class Front(ABC):
    """One kind of front."""

    name: ClassVar[str]
    """As in flags and run files."""
    program: ClassVar[str]
    """The program's name, as it is found on PATH."""
    template: ClassVar[str]
    """Of its configuration, in `bench/fronts/templates`."""
    config: ClassVar[str]
    """The name of the file that its program reads."""
    habits: ClassVar[Habits]
    version_flag: ClassVar[str]
    """The flag with which its program prints its version."""

    @abstractmethod
    def why_not(self, plan: FrontPlan) -> str | None:
        """What of the plan the front cannot do, in words; None when it can do all."""

    @abstractmethod
    def command(self, program: str, directory: str) -> list[str]:
        """What starts it in the foreground. `directory` holds the rendered files and `FrontPlan.files`."""

    @abstractmethod
    def version(self, printed: str) -> str:
        """The version in what the program printed for `version_flag`; empty where there is none."""

    def reason(self, errors: Sequence[str]) -> str:
        """Why its program ended, from the last lines that it wrote to stderr; empty where it wrote nothing."""
        return errors[-1] if errors else ""

    @abstractmethod
    def questions(self, plan: FrontPlan) -> tuple[Question, ...]:
        """How its statistics are asked for. None of it takes part in serving requests."""

    @abstractmethod
    def counts(self, plan: FrontPlan, answers: Sequence[bytes]) -> Counts:
        """What the answers say, one for each question. Raises BadStatistics."""

    def render(self, plan: FrontPlan, directory: str) -> dict[str, str]:
        """The files of its configuration by name, for use in `directory`. The plan is one that it can do."""
        command = shlex.join(self.command(self.program, directory))
        values = {"plan": plan, "directory": directory, "command": command, **self.values(plan, directory)}
        return {self.config: _environment().get_template(self.template).render(values)}

    @abstractmethod
    def values(self, plan: FrontPlan, directory: str) -> dict[str, object]:
        """What its template needs besides `plan` and `directory`."""


def milliseconds(seconds: float) -> str:
    """As HAProxy and nginx write times: `1500ms`."""
    return f"{round(seconds * 1000)}ms"


def seconds(value_s: float) -> str:
    """As Envoy writes times: `1.5s`."""
    return f"{value_s:.6f}".rstrip("0").rstrip(".") + "s"


@cache
def _environment() -> "jinja2.Environment":
    import jinja2  # noqa: PLC0415 - most commands render no configuration

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.fronts", "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - configurations are not HTML
    )
    environment.filters.update(ms=milliseconds, s=seconds)
    return environment


def why_no_gzip(plan: FrontPlan) -> str | None:
    """Why no front can compress what the plan says, in words."""
    reason = plan.row.why_no_front_gzip
    return f"no front can compress {title(plan.protocol)}: {reason}" if plan.gzip and reason else None


def why_no_call_status(plan: FrontPlan) -> str | None:
    """Why a refusal cannot have a status of the call, in words."""
    if plan.limits.call_status and not plan.row.call_status:
        return f"{title(plan.protocol)} has no status of a call besides that of HTTP"
    return None


def why_no_queue(plan: FrontPlan) -> str | None:
    """Why the queue of the plan would never be used, in words."""
    limits = plan.limits
    if limits.in_flight is None and (limits.queue is not None or limits.queue_s is not None):
        return "a queue needs a limit of requests in flight, behind which they wait"
    return None


def first(*reasons: str | None) -> str | None:
    """The first reason that is one."""
    return next((reason for reason in reasons if reason is not None), None)
