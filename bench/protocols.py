"""Everything the bench knows about a protocol, one row each. A fourth protocol is one more row.

What implements a row's parts is named as `module:name` and imported when it is first asked for: one load process
serves one protocol, and the other client libraries must not weigh on it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import asyncio

    from bench.clients.raw_calls import RawCalls
    from bench.fronts.seen import Seen
    from bench.results import Cause
    from bench.wire.codec import Codec
    from consumers.client import ClientSettings

TCP_ROUND_TRIPS = 1
"""SYN out, SYN-ACK back; the request may follow at once (RFC 9293, section 3.5)."""
TLS_ROUND_TRIPS = {"TLSv1.2": 2, "TLSv1.3": 1}
"""A full handshake (RFC 8446, section 2; RFC 5246, section 7.3)."""
USUAL_TLS = "TLSv1.3"
HEALTH_PATH = "/health"
"""Where producers over HTTP/1.1 report their health."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One row."""

    name: str
    """As in flags and run files."""
    title: str
    """As readers know it."""
    short_title: str = ""
    """The same where another dialect than its own is named beside it; empty: `title`."""
    codec_at: str
    """Parses its bytes: a `bench.wire.codec.Codec`."""
    raw_calls_at: str
    """Prepares requests and reads responses for the raw client: a `bench.clients.raw_calls.RawCalls`."""
    seen_at: str
    """Says what a failed request looks like from the consumer: `bench.results.Cause` to `bench.fronts.seen.Seen`."""
    noop_server_at: str
    """Makes an `asyncio.Protocol` that answers every request with the same small recipe."""
    gzip_levels: tuple[int, ...] = tuple(range(1, 10))
    """The levels at which its producer's library can compress."""
    multiplexes: bool = False
    """Whether requests in flight share a connection."""
    http2: bool = False
    """Whether it is spoken over HTTP/2, without TLS with prior knowledge (RFC 9113, section 3.3), or over HTTP/1.1."""
    health: Literal["http", "grpc"] = "http"
    """How its producers report health: 200 at `HEALTH_PATH`, or SERVING by grpc.health.v1."""
    compressible: tuple[str, ...] = ()
    """The media types of its responses that a proxy can compress."""
    call_status: str = ""
    """The header in which a response carries the status of a call; empty where the HTTP status is all there is."""
    why_no_front_gzip: str = ""
    """Why a proxy cannot compress its responses, in one line; empty where it can."""
    greeting_round_trips: int = 0
    """Round trips for which its client library waits for the server to speak before it sends a request."""

    def codec(self) -> "Codec":
        """What parses its bytes."""
        made: Codec = resolve(self.codec_at)()
        return made

    def raw_calls(self, settings: "ClientSettings") -> "RawCalls[Any, Any]":
        """What prepares its requests and reads its responses for the raw client."""
        made: RawCalls[Any, Any] = resolve(self.raw_calls_at)(self.name, settings)
        return made

    def seen(self, cause: "Cause") -> "Seen":
        """What a failed request looks like from the consumer."""
        found: Seen = resolve(self.seen_at)(cause)
        return found

    def noop_server(self) -> "asyncio.Protocol":
        """One connection of a server that does as little as possible."""
        factory: Callable[[], asyncio.Protocol] = resolve(self.noop_server_at)
        return factory()

    def why_no_gzip(self, level: int) -> str | None:
        """Why its producer cannot compress at zlib's `level`, in one line; None when it can."""
        if level in self.gzip_levels:
            return None
        levels = ", ".join(map(str, self.gzip_levels))
        return f"its library compresses at level {levels} only, and {level} was requested"


PROTOCOLS: dict[str, Protocol] = {
    row.name: row
    for row in (
        Protocol(
            name="http",
            title="HTTP/JSON",
            short_title="HTTP",
            codec_at="bench.wire.http1:Http1Codec",
            raw_calls_at="bench.clients.http1:Http1Calls",
            seen_at="bench.fronts.seen:of_http",
            noop_server_at="bench.runner.noop_servers:http",
            compressible=("application/json", "application/x-protobuf", "application/problem+json"),
        ),
        Protocol(
            name="graphql",
            title="GraphQL",
            codec_at="bench.wire.http1:Http1Codec",
            raw_calls_at="bench.clients.http1:Http1Calls",
            seen_at="bench.fronts.seen:of_graphql",
            noop_server_at="bench.runner.noop_servers:graphql",
            compressible=("application/graphql-response+json", "application/json"),
        ),
        Protocol(
            name="grpc",
            title="gRPC",
            codec_at="bench.wire.grpc:GrpcCodec",
            raw_calls_at="bench.clients.grpc:GrpcCalls",
            seen_at="bench.fronts.seen:of_grpc",
            noop_server_at="bench.runner.noop_servers:grpc",
            # gRPC's core has one level and offers no way to choose another.
            gzip_levels=(6,),
            multiplexes=True,
            http2=True,
            health="grpc",
            call_status="grpc-status",
            why_no_front_gzip="it compresses each message by itself and has no Content-Encoding that a proxy could add",
            # gRPC's core uses a connection once the server's SETTINGS have come, which RFC 9113, section 3.4 does not
            # require. Found by `python -m benchmarks.model_errors`.
            greeting_round_trips=1,
        ),
    )
}
"""By name, in the order in which reports show them. The first is the baseline by default."""


def protocol(name: str) -> Protocol:
    """The row of a protocol. Raises KeyError for a name that is not in PROTOCOLS."""
    return PROTOCOLS[name]


def title(name: str, *, short: bool = False) -> str:
    """What readers call a protocol; its name where a run file holds one that is not in PROTOCOLS."""
    row = PROTOCOLS.get(name)
    if row is None:
        return name
    return (short and row.short_title) or row.title


def set_up_round_trips(name: str, *, tls: bool, tls_version: str | None = None) -> int:
    """Round trips of a new connection before its first request can leave.

    TLS is taken for 1.3 where the version is not known. `name` may be a protocol that is not in PROTOCOLS.
    """
    row = PROTOCOLS.get(name)
    handshake = TLS_ROUND_TRIPS.get(tls_version or USUAL_TLS, 1) if tls else 0
    return TCP_ROUND_TRIPS + handshake + (row.greeting_round_trips if row is not None else 0)


def resolve(place: str) -> Any:
    """The object that `module:name` names."""
    module_name, _, name = place.partition(":")
    return getattr(import_module(module_name), name)
