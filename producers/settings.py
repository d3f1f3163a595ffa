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
    """The authority that has to have signed a client's certificate; None: clients need none."""

    def all(self) -> tuple[Path, ...]:
        """Every file that is named."""
        named = (self.certificate, self.key)
        return named if self.client_ca is None else (*named, self.client_ca)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """What gRPC callers may ask for beyond `Limits`, and how long their connections may last."""

    metadata_bytes: int = 16 << 10
    """All metadata of one call, counted as in RFC 9113, 6.5.2: names, values, and 32 for each pair."""
    handshake_timeout_s: float = 10.0
    """TLS, and the settings of HTTP/2, have to be agreed on by then."""
    connections: int = 1000
    """Open at once, on one port of one process."""
    concurrent: int | None = 1000
    """Under way at once in one process; more are refused, RESOURCE_EXHAUSTED."""
    connection_age_s: float = 600.0
    """A connection is told to end after this, so that balancers get to spread connections anew, and nothing that a
    caller holds is held for ever."""
    connection_age_grace_s: float = 30.0
    """The calls on such a connection have so long to finish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLimits:
    """What one GraphQL document may ask for. Counted with fragments spread out, and decided before it is executed."""

    characters: int = 100_000
    """White space and comments are no tokens, and are read all the same."""
    tokens: int = 3_000
    """The introspection query of the reference implementation has 183; parsing so many takes some 15 ms."""
    operations: int = 10
    """One is executed; the others are only validated."""
    depth: int = 20
    """The schema is 5 deep, and the introspection query 14."""
    fields: int = 300
    """A recipe has 8, the introspection query 230; validation compares fields with each other."""
    aliases: int = 100
    """As many recipes as a batch may name."""
    directives: int = 20
    """There is a use for @skip and @include, and none for many."""
    literal_characters: int = 20_000
    """Thirteen times the steps of a long recipe (95th percentile). Longer text belongs into a variable."""
    values: int = 100_000
    """A page of 1,000 whole recipes, and not two of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one caller may ask for. Defaults fit recipes with a wide margin."""

    body_bytes: int = 1 << 20
    """The largest request body or message, after inflation: a thousand times the median recipe."""
    request_line_bytes: int = 8000
    """The longest target of a request. RFC 9112, section 3, asks for so many; a batch of 100 ids takes 1,100."""
    header_bytes: int = 8190
    """The longest name and the longest value of a header field: enough for tokens, of which none are read."""
    header_count: int = 100
    """Browsers send 20; each costs an entry in a table."""
    head_bytes: int = 65_536
    """The longest head that comes in several reads; one that comes in one is bounded by what is read at once."""
    header_timeout_s: float = 10.0
    """From the accepted connection, or from a head's first byte, to its last; two round trips suffice."""
    body_timeout_s: float = 20.0
    """A request's body has to have arrived by then."""
    keep_alive_s: float = 75.0
    """A connection without a request is closed after this: longer than the minute that proxies commonly keep theirs."""
    write_timeout_s: float = 20.0
    """Within this, a caller who is behind with reading has to take at least 16 KiB, or it is cut off."""
    connections: int = 2000
    """HTTP connections in all. An idle one takes some 20 KiB, over TLS 50; one too many is answered with 503."""
    tls_handshake_timeout_s: float = 10.0
    """A TLS handshake takes two round trips."""
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
    """Answer in gzip whoever asks for it. Without it nobody gets gzip."""
    gzip_level: int = 6
    share_port: bool = False
    """Let other worker processes accept on the same port (SO_REUSEPORT)."""
    limits: Limits = field(default_factory=Limits)
    introspection: bool = True
    """Tell callers of GraphQL about the schema. It is published anyway; without it, this producer does not say it."""
    suggestions: bool = True
    """Name similar fields when a caller of GraphQL asks for one that is not there, which tells of a schema, too."""
    persisted_queries: bool = False
    """Let callers of GraphQL send the hash of a query that they sent before, in place of its text."""
    strict_calls: bool = False
    """Refuse calls of a content type or a coding that are none of gRPC's, which its core lets pass. To see them, the
    producer reads every frame before the core does (docs/decisions/0013-strict-calls.md)."""
    drain_s: float = 10.0
    """How long a stop waits for requests under way."""
    stop_notice_s: float = 0.0
    """How long a stop serves on once health and readiness have said no, so that balancers can send callers elsewhere
    before connections are refused."""


LARGEST = 2**31 - 1


class BadLimit(ValueError):
    """What was given is no limit. The text names it and what would do."""


def named(limits: Any, prefix: str = "") -> Iterator[tuple[str, int | float]]:
    """Every limit by its name, with its value."""
    for each in fields(limits):
        value = getattr(limits, each.name)
        if is_dataclass(value):
            yield from named(value, f"{prefix}{each.name}.")
        else:
            yield f"{prefix}{each.name}", value


def with_limits(limits: Limits, given: Iterable[str]) -> Limits:
    """The limits, but for those that are given as NAME=VALUE. Raises BadLimit."""
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
