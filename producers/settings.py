"""How a producer serves: every protocol takes the same settings and gives them the same meaning.

`with_limits` changes limits by name, as `--limit NAME=VALUE` gives them: `body_timeout_s=5`, `calls.connections=500`.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files: the server's certificate chain and its private key."""

    certificate: Path
    key: Path
    client_ca: Path | None = None
    """The authority that must have signed a client's certificate. None: clients need no certificate."""

    def all(self) -> tuple[Path, ...]:
        """Every file that is set."""
        named = (self.certificate, self.key)
        return named if self.client_ca is None else (*named, self.client_ca)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """Limits for gRPC callers in addition to `Limits`."""

    metadata_bytes: int = 16 << 10
    """The metadata of one call, counted as in RFC 9113, 6.5.2: names, values, and 32 bytes for each pair."""
    handshake_timeout_s: float = 10.0
    """The time for the TLS handshake and the exchange of HTTP/2 SETTINGS."""
    connections: int = 1000
    """Open connections of one port of one process."""
    concurrent: int | None = 1000
    """Concurrent calls of one process. More are refused with RESOURCE_EXHAUSTED."""
    streams: int = 100
    """Concurrent calls of one connection (MAX_CONCURRENT_STREAMS); callers queue the rest. Without it, rapid resets
    take much memory."""
    connection_age_s: float = 600.0
    """After this time a connection gets a GOAWAY, so that load balancers can redistribute connections and no caller
    holds anything for ever."""
    connection_age_grace_s: float = 30.0
    """How long the calls on such a connection may take to finish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLimits:
    """Limits on one GraphQL document, with fragments expanded. Checked before execution."""

    characters: int = 100_000
    """Includes white space and comments, which are not tokens."""
    tokens: int = 3_000
    """The introspection query of the reference implementation has 183. Parsing 3,000 takes about 15 ms."""
    operations: int = 10
    """Only one is executed; all are validated."""
    depth: int = 20
    """The schema has depth 5, the introspection query 14."""
    fields: int = 300
    """A recipe has 8, the introspection query 230. Validation compares fields pairwise."""
    aliases: int = 100
    """The number of recipes in the largest batch."""
    directives: int = 20
    """Far more than @skip and @include are used in practice."""
    literal_characters: int = 20_000
    """13 times the steps of a long recipe (95th percentile). Longer text belongs in a variable."""
    values: int = 100_000
    """One page of 1,000 whole recipes, but not two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits on what a caller may send and hold. Defaults suit recipes with a wide margin."""

    body_bytes: int = 1 << 20
    """The largest request body or message after decompression: 1,000 times the median recipe."""
    request_line_bytes: int = 8000
    """The longest request target. RFC 9112, section 3, recommends 8,000; a batch of 100 ids takes 1,100."""
    header_bytes: int = 8190
    """The longest name and the longest value of a header field: enough for access tokens."""
    header_count: int = 100
    """Header fields of one request. Browsers send about 20."""
    head_bytes: int = 65_536
    """The longest head that arrives in several reads. The size of one read limits the others."""
    header_timeout_s: float = 10.0
    """From the accepted connection, or the first byte of a head, to the end of the head."""
    body_timeout_s: float = 20.0
    """The time for a request body to arrive."""
    keep_alive_s: float = 120.0
    """Idle connections are closed after this time, which is longer than the minute that is common for proxies."""
    connection_age_s: float = 86_400.0
    """After this time, a day, the next response closes its HTTP connection, so that load balancers can redistribute
    connections. gRPC has `calls.connection_age_s`."""
    write_timeout_s: float = 20.0
    """A slow reader has to read at least 16 KiB within this time, or its connection is aborted."""
    connections: int = 2000
    """Open HTTP connections. An idle one takes about 20 KiB, 50 KiB with TLS. More are refused with 503."""
    tls_handshake_timeout_s: float = 10.0
    """The time for a TLS handshake."""
    calls: CallLimits = field(default_factory=CallLimits)
    document: DocumentLimits = field(default_factory=DocumentLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerSettings:
    """Where and how to listen. `port` 0 lets the system choose."""

    host: str = "127.0.0.1"
    port: int | None = 4000
    """The port that serves without TLS; None: no such port."""
    tls_port: int | None = None
    """The port that serves TLS; None: no such port. Needs `tls`."""
    tls: TlsFiles | None = None
    gzip: bool = False
    """Compress responses for callers that accept gzip."""
    gzip_level: int = 6
    share_port: bool = False
    """Share the port with other worker processes (SO_REUSEPORT)."""
    limits: Limits = field(default_factory=Limits)
    introspection: bool = True
    """Answer GraphQL introspection queries."""
    suggestions: bool = True
    """Suggest similar names in GraphQL errors about unknown fields, which reveal parts of the schema."""
    persisted_queries: bool = False
    """Accept the hash of an earlier GraphQL query instead of its text."""
    strict_calls: bool = False
    """Refuse gRPC calls with a wrong content type or an unknown coding, which gRPC's core accepts. For this the
    producer parses every frame before the core does (docs/decisions/0013-strict-calls.md)."""
    metrics_port: int | None = None
    """The port that shows what was counted; None: nothing is counted."""
    drain_s: float = 10.0
    """How long a stop waits for open requests."""
    stop_notice_s: float = 0.0
    """How long a stop keeps serving after health checks report it, so that load balancers can redirect callers before
    connections are refused."""


LARGEST = 2**31 - 1


class BadLimit(ValueError):
    """A limit is invalid. The text names it and the valid values."""


def named(limits: Any, prefix: str = "") -> Iterator[tuple[str, int | float]]:
    """Every limit by name, with its value."""
    for each in fields(limits):
        value = getattr(limits, each.name)
        if is_dataclass(value):
            yield from named(value, f"{prefix}{each.name}.")
        else:
            yield f"{prefix}{each.name}", value


def with_limits(limits: Limits, given: Iterable[str]) -> Limits:
    """The limits with changes given as NAME=VALUE. Raises BadLimit."""
    for text in given:
        name, separator, value = text.partition("=")
        usual = dict(named(limits)).get(name)
        if usual is None or not separator:
            raise BadLimit(f"{text!r} is not NAME=VALUE with one of {', '.join(name for name, _ in named(limits))}")
        limits = _changed(limits, name.split("."), _number(text, value, whole=isinstance(usual, int)))
    return limits


def _changed(limits: Any, path: list[str], value: float) -> Any:
    name, *rest = path
    return replace(limits, **{name: _changed(getattr(limits, name), rest, value) if rest else value})


def _number(text: str, value: str, *, whole: bool) -> int | float:
    if whole:
        if value.isascii() and value.isdigit() and 0 < int(value[:20]) <= LARGEST:
            return int(value)
        raise BadLimit(f"{text!r}: expected a whole number from 1 to {LARGEST}")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if 0 < number <= LARGEST / 1000:
        return number
    raise BadLimit(f"{text!r}: expected a number above 0, in seconds")
