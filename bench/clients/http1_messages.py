"""The head of an HTTP/1.1 response (RFC 9112, sections 4 to 6), read for speed: the same bytes are read once. Pure."""

import re
from dataclasses import dataclass

UNTIL_CLOSE = -1
CHUNKED = -2

KEPT_AT_MOST = 4096
"""Heads kept; a Date makes each of them new once a second."""

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*?)[ \t]*")
_LENGTH = re.compile(rb"[0-9]{1,15}")


class BadHead(ValueError):
    """Bytes that are no head of an HTTP/1.1 response. The text says why."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of one response."""

    size: int
    """Its bytes, the empty line included."""
    status: int
    body_bytes: int
    """The length of the body as announced, or CHUNKED, or UNTIL_CLOSE."""
    whole_bytes: int
    """Head and body together; -1 when the length of the body is not announced."""
    stays_open: bool
    """Whether the connection goes on after this response."""
    media_type: str
    """In lower case, without parameters; empty when there is none."""
    coding: str
    """The content codings in lower case; `identity` when there are none."""
    fingerprint: tuple[int, int]
    """Status and length of the body."""

    @property
    def interim(self) -> bool:
        """Whether the response itself is still to come."""
        return self.status < 200


_known: dict[bytes, Head] = {}


def read_head(data: bytes) -> Head:
    """Read a head, given with its empty line. Raises BadHead."""
    head = _known.get(data)
    if head is None:
        head = _read(data)
        if len(_known) >= KEPT_AT_MOST:
            _known.clear()
        _known[data] = head
    return head


def _read(data: bytes) -> Head:
    lines = data[:-4].split(b"\r\n")
    start = _STATUS_LINE.fullmatch(lines[0])
    if start is None:
        raise BadHead("the answer is not HTTP/1.1")
    fields: dict[bytes, bytes] = {}
    for line in lines[1:]:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise BadHead("a header field of the answer cannot be read")
        name, value = found[1].lower(), found[2]
        if name == b"content-length" and fields.get(name, value) != value:
            raise BadHead("the answer announces two lengths")
        fields[name] = value if name not in fields or name == b"content-length" else fields[name] + b", " + value
    status = int(start[2])
    body_bytes = _body_bytes(status, fields)
    connection = {member.strip() for member in fields.get(b"connection", b"").lower().split(b",")}
    stays_open = b"close" not in connection and (start[1] == b"1" or b"keep-alive" in connection)
    return Head(
        size=len(data),
        status=status,
        body_bytes=body_bytes,
        whole_bytes=len(data) + body_bytes if body_bytes >= 0 else -1,
        stays_open=stays_open and body_bytes != UNTIL_CLOSE,
        media_type=fields.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1"),
        coding=fields.get(b"content-encoding", b"").lower().decode("latin-1") or "identity",
        fingerprint=(status, body_bytes),
    )


def _body_bytes(status: int, fields: dict[bytes, bytes]) -> int:
    """RFC 9112, section 6.3, for an answer to anything but HEAD and CONNECT."""
    if status < 200 or status in (204, 304):
        return 0
    coding = fields.get(b"transfer-encoding")
    if coding is not None:
        if coding.lower() != b"chunked" or b"content-length" in fields:
            raise BadHead("how the answer's body is framed is not clear")
        return CHUNKED
    length = fields.get(b"content-length")
    if length is None:
        return UNTIL_CLOSE
    if not _LENGTH.fullmatch(length):
        raise BadHead("the length of the answer cannot be read")
    return int(length)
