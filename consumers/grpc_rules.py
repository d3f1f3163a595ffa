"""What every gRPC client of the lab accepts of a response, and the words for what it refuses. Pure.

gRPC's core decides, and the raw client follows it, so that a server looks the same to both. docs/clients.md has the
list.
"""

import re
import zlib

from consumers import causes, http_rules
from consumers.errors import (
    CLOSED_EARLY,
    ConsumerError,
    OperationUnsupported,
    ProducerUnreachable,
    UnexpectedResponse,
)

NOT_GRPC = "the response is not valid gRPC"
NOT_ONE_MESSAGE = "the response is not the expected message"
NOT_REQUESTED = "the message has an encoding that was not requested"
NO_ENCODING = "the message is marked as compressed, but no encoding is named"
NOT_GZIP = "the message is not valid gzip"

KNOWN_ENCODINGS = frozenset({b"identity", b"gzip", b"deflate"})
"""Those that gRPC's core knows. It refuses a response that names another one, compressed or not."""
REFUSED_STREAM = 7
_KINDS_BY_STATUS: dict[int, type[ConsumerError]] = {
    404: OperationUnsupported,
    **dict.fromkeys((429, 502, 503, 504), ProducerUnreachable),
}
"""The mapping of gRPC's http-grpc-status-mapping.md, as far as it matters here."""

_STATUS = re.compile(r"Received http2 header with status: (\d+)")
_RESET = re.compile(r"Received RST_STREAM with error code (\d+)")
_GOAWAY = re.compile(r"GOAWAY received; Error code: (\d+)")
_IN_CORE_TEXT: tuple[tuple[re.Pattern[str], type[ConsumerError], str], ...] = tuple(
    (re.compile(pattern), kind, text)
    for pattern, kind, text in (
        (r"Failed parsing HTTP/2", UnexpectedResponse, http_rules.NOT_HTTP2),
        (r"Stream removed \(.*unsupported data flags", UnexpectedResponse, http_rules.NOT_HTTP2),
        (r"Stream removed \(.*(Illegal header key|Metadata keys)", UnexpectedResponse, http_rules.NOT_HTTP2),
        (r"Stream removed \(.*Error parsing ':status'", UnexpectedResponse, http_rules.NOT_HTTP2),
        (r"Stream removed \(.*Error parsing 'grpc-encoding'", UnexpectedResponse, NOT_REQUESTED),
        (r"Stream removed \(.*Error parsing '", UnexpectedResponse, NOT_GRPC),
        (r"Stream removed \(.*Data frame with END_STREAM", UnexpectedResponse, NOT_GRPC),
        (r"^No status received$", UnexpectedResponse, NOT_GRPC),
        (r"^Compression algorithm not supported", UnexpectedResponse, NOT_REQUESTED),
        (r"^Compression bit set but no encoding configured", UnexpectedResponse, NO_ENCODING),
        (r"^Decompression failed", UnexpectedResponse, NOT_GZIP),
        (
            r"(Stream removed \(|last error: (?!.*[Hh]andshake)).*"
            r"(Socket closed|Connection reset|Broken pipe|Endpoint closing)",
            ProducerUnreachable,
            CLOSED_EARLY,
        ),
    )
)
"""What gRPC's core says of a response that it refuses, and the words for it here. The first that matches counts."""


def of_http_status(status: int) -> tuple[type[ConsumerError], str]:
    """The error for a response whose HTTP status is not 200. After an interim one, gRPC's core can read nothing."""
    if status < 200:
        return UnexpectedResponse, http_rules.NOT_HTTP2
    return _KINDS_BY_STATUS.get(status, UnexpectedResponse), causes.of_status(status)


def of_reset(code: int) -> tuple[type[ConsumerError], str]:
    """The error for a call whose stream was reset."""
    return (ProducerUnreachable if code == REFUSED_STREAM else UnexpectedResponse), http_rules.of_reset(code)


def in_core_text(details: str) -> tuple[type[ConsumerError], str] | None:
    """The error in what gRPC's core says of a failed call. None where it is a status that the producer has sent."""
    if (found := _STATUS.search(details)) is not None:
        return of_http_status(int(found[1]))
    if (found := _RESET.search(details)) is not None:
        return of_reset(int(found[1]))
    if (found := _GOAWAY.search(details)) is not None:
        return ProducerUnreachable, http_rules.of_goaway(int(found[1]))
    return next(((kind, text) for pattern, kind, text in _IN_CORE_TEXT if pattern.search(details)), None)


def decompressed(message: bytes) -> bytes:
    """A message in gzip: one member (RFC 1952) and nothing else. Of nothing, nothing. Raises ValueError."""
    if not message:
        return message
    member = zlib.decompressobj(http_rules.GZIP_WINDOW_BITS)
    try:
        found = member.decompress(message)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not member.eof or member.unused_data:
        raise ValueError("it does not end where the message does")
    return found
