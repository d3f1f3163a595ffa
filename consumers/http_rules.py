"""What every HTTP client of the lab accepts of a response, whatever parses it, and the words for what it refuses. Pure.

Client libraries and the raw client share these rules, so that a server looks the same to both. docs/clients.md has the
list.
"""

import zlib
from functools import lru_cache

FIELD_AT_MOST_BYTES = 1 << 16
"""The longest line of a head, of chunk framing or of trailers that is accepted."""
FIELDS_AT_MOST = 1 << 10
"""How many header fields are accepted."""
MEMBERS_AT_MOST = 1 << 10
"""Of how many members a gzip body may consist."""
GZIP_WINDOW_BITS = 31
"""The largest window of zlib, in the gzip format."""

NOT_HTTP = "the response is not valid HTTP/1.1"
NOT_HTTP2 = "the response is not valid HTTP/2"
NOT_GZIP = "the response is not valid gzip"
SWITCHING_PROTOCOLS = 101
SWITCHES_PROTOCOLS = "the response switches to another protocol, which was not requested"
RESET_WORDS, GOAWAY_WORDS = "the stream was reset: ", "the producer sent GOAWAY: "
"""Before the name of an error code of HTTP/2."""

_HTTP2_ERRORS = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)


def http2_error(code: int) -> str:
    """The name of an error code of HTTP/2 (RFC 9113, section 7)."""
    return _HTTP2_ERRORS[code] if code < len(_HTTP2_ERRORS) else f"error {code:#x}"


def of_reset(code: int) -> str:
    """Why a call failed whose stream the server has reset."""
    return f"{RESET_WORDS}{http2_error(code)}"


def of_goaway(code: int) -> str:
    """Why a call failed that the server refused by announcing the end of the connection."""
    return f"{GOAWAY_WORDS}{http2_error(code)}"


class BadCoding(ValueError):
    """A body whose content coding was not requested, or that is not in that coding. The text says why."""


def decoded(body: bytes, codings: str, *, gzip: bool) -> bytes:
    """A body without the content codings that Content-Encoding lists (RFC 9110, section 8.4). Raises BadCoding.

    `gzip`: whether gzip was requested; otherwise identity was.
    """
    for coding in reversed(_applied(codings)):
        if coding not in ("gzip", "x-gzip"):
            requested = "gzip" if gzip else "identity"
            raise BadCoding(f"the response has the content coding {coding}, but {requested} was requested")
        if not gzip:
            raise BadCoding("the response has the content coding gzip, but identity was requested")
        body = _gunzipped(body)
    return body


@lru_cache(maxsize=64)
def _applied(codings: str) -> list[str]:
    """The codings in lower case, in the order in which they were applied. Empty members of the list mean nothing."""
    members = (member.strip().lower() for member in codings.split(","))
    return [member for member in members if member not in ("", "identity")]


def _gunzipped(body: bytes) -> bytes:
    """All members of a gzip file (RFC 1952, section 2.2), which leaves no room for anything else."""
    parts: list[bytes] = []
    try:
        while body or not parts:
            member = zlib.decompressobj(GZIP_WINDOW_BITS)
            parts.append(member.decompress(body))
            if not member.eof or len(parts) > MEMBERS_AT_MOST:
                raise BadCoding(NOT_GZIP)
            body = member.unused_data
    except zlib.error:
        raise BadCoding(NOT_GZIP) from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def is_chunked(transfer_encoding: str) -> bool:
    """Whether chunked is the only transfer coding. No client requests another one (RFC 9112, section 7.4)."""
    members = [member.strip().lower() for member in transfer_encoding.split(",")]
    return {"chunked"} == {member for member in members if member}


@lru_cache(maxsize=64)
def media_type(content_type: str) -> str:
    """The media type in lower case, without parameters. Empty where there is none."""
    return content_type.partition(";")[0].strip().lower()
