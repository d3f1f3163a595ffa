"""What a front is to do, as a value from which its configuration follows. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from bench.protocols import Protocol, protocol

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
