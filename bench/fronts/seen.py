"""What a failed request looks like from the consumer: what was sent to it, what its library makes of that, and whether
the request would be sent again. Pure.

The causes are those of the lab's consumers, which repeat nothing. What the libraries do by themselves is tested with
them (tests/bench/fronts/test_repeats.py): aiohttp repeats a request with an idempotent method once where the
connection was closed before the response; gRPC's core repeats a call that the server refused with GOAWAY (gRFC A6,
transparent retries), and none whose stream was reset, not even with REFUSED_STREAM. A policy that repeats is the usual
one: UNAVAILABLE for gRPC (the example of grpc.io/docs/guides/retry), and for HTTP the statuses 429, 502, 503 and 504
(RFC 9110, sections 15.5 and 15.6; RFC 6585, section 4) of idempotent methods.
"""

import re
from dataclasses import dataclass

from bench.results import Cause
from consumers import causes, http_rules
from consumers.errors import CLOSED_EARLY

NOTHING = "nothing"
"""What was sent where no response came."""
CLOSED = "closed connection"
DOMAIN = "error_answer"
"""The kind of a cause that is an error of the domain, such as an unknown recipe."""
TIMEOUT = "timeout"

UNAVAILABLE, DEADLINE_EXCEEDED, NOT_FOUND = "UNAVAILABLE", "DEADLINE_EXCEEDED", "NOT_FOUND"
REPEATED_STATUSES = frozenset((429, 502, 503, 504))
_STATUS = re.compile(r"(\d{3})\b")
_WORD = re.compile(r"[A-Z][A-Z_]+")
_OF_HTTP_STATUS = {
    400: "INTERNAL",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "UNIMPLEMENTED",
    **dict.fromkeys((429, 502, 503, 504), UNAVAILABLE),
}
"""http-grpc-status-mapping.md of gRPC: what a library makes of a response without a status of gRPC."""
_OF_RESET = {
    "REFUSED_STREAM": UNAVAILABLE,
    "CANCEL": "CANCELLED",
    "ENHANCE_YOUR_CALM": "RESOURCE_EXHAUSTED",
    "INADEQUATE_SECURITY": "PERMISSION_DENIED",
}
"""PROTOCOL-HTTP2.md of gRPC: what a library makes of a reset stream. All others are INTERNAL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One way to fail."""

    sent: str
    """What came from the front, or from the producer through it."""
    reported: str
    """What the client library reports for it."""
    repeated_by_library: bool = False
    """Whether the library would send the request again by itself, as it comes."""
    repeated_by_policy: bool = False
    """Whether it would be sent again with a usual retry policy."""


def of_http(cause: Cause) -> Seen:
    """A GET over HTTP/1.1, which may be repeated."""
    return _over_http(cause, idempotent=True)


def of_graphql(cause: Cause) -> Seen:
    """A POST over HTTP/1.1, which may not be repeated. An error of the domain is a successful response."""
    if cause.kind == DOMAIN:
        return Seen(sent="200 OK with errors", reported="errors in the body")
    return _over_http(cause, idempotent=False)


def _over_http(cause: Cause, *, idempotent: bool) -> Seen:
    if cause.kind == DOMAIN:
        return Seen(sent="404 Not Found", reported="status 404")
    if cause.kind == TIMEOUT:
        return Seen(sent=NOTHING, reported="TimeoutError", repeated_by_policy=idempotent)
    if (status := _STATUS.match(cause.text)) is not None:
        repeated = idempotent and int(status[1]) in REPEATED_STATUSES
        return Seen(sent=cause.text, reported=f"status {status[1]}", repeated_by_policy=repeated)
    if cause.text == CLOSED_EARLY:
        return Seen(
            sent=CLOSED,
            reported="ServerDisconnectedError",
            repeated_by_library=idempotent,
            repeated_by_policy=idempotent,
        )
    if cause.text == causes.REFUSED:
        # Nothing was sent, so that any request may be repeated (RFC 9110, section 9.2.2).
        return Seen(sent=causes.REFUSED, reported="ClientConnectorError", repeated_by_policy=True)
    return Seen(sent=cause.text, reported=cause.kind)


def of_grpc(cause: Cause) -> Seen:
    """A call of gRPC, which a policy may repeat whatever it does, as its service says."""
    if cause.kind == DOMAIN:
        return Seen(sent=f"200 OK, grpc-status {NOT_FOUND}", reported=NOT_FOUND)
    if cause.kind == TIMEOUT:
        return Seen(sent=NOTHING, reported=DEADLINE_EXCEEDED)
    if (status := _STATUS.match(cause.text)) is not None:
        return _call(f"{cause.text} without grpc-status", _OF_HTTP_STATUS.get(int(status[1]), "UNKNOWN"))
    if cause.text.startswith(reset := http_rules.RESET_WORDS):
        code = cause.text.removeprefix(reset)
        return _call(f"RST_STREAM {code}", _OF_RESET.get(code, "INTERNAL"))
    if cause.text.startswith(goaway := http_rules.GOAWAY_WORDS):
        return _call(f"GOAWAY {cause.text.removeprefix(goaway)}", UNAVAILABLE, unprocessed=True)
    if _WORD.fullmatch(cause.text):
        return _call(f"200 OK, grpc-status {cause.text}", cause.text)
    if cause.text == CLOSED_EARLY:
        return _call(CLOSED, UNAVAILABLE)
    return _call(cause.text, UNAVAILABLE if cause.kind == "unreachable" else cause.kind)


def _call(sent: str, reported: str, *, unprocessed: bool = False) -> Seen:
    return Seen(
        sent=sent,
        reported=reported,
        repeated_by_library=unprocessed,
        repeated_by_policy=reported == UNAVAILABLE,
    )
