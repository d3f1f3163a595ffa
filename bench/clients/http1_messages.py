"""HTTP/1.1 responses (RFC 9112) as the raw client reads them: heads, and bodies in chunked transfer coding. Pure.

Heads are cached by their bytes, so that the same head is parsed once.
"""

import re
from dataclasses import dataclass

UNTIL_CLOSE = -1
CHUNKED = -2

KEPT_AT_MOST = 4096
"""Size of the cache. A Date field makes every head new once a second."""

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*?)[ \t]*")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,14})[ \t]*(?:;[^\r\n]*)?")
LINE_AT_MOST_BYTES = 1 << 13
"""The longest line of chunk framing or trailers that is accepted."""


class BadHead(ValueError):
    """Bytes that are not the head of an HTTP/1.1 response. The text says why."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of one response."""

    size: int
    """In bytes, including the empty line."""
    status: int
    body_bytes: int
    """The Content-Length, or CHUNKED, or UNTIL_CLOSE."""
    whole_bytes: int
    """Head and body together. -1 when there is no Content-Length."""
    stays_open: bool
    """Whether the connection stays open after this response."""
    media_type: str
    """In lower case, without parameters. Empty when there is none."""
    coding: str
    """The content codings in lower case. `identity` when there are none."""
    fingerprint: tuple[int, int]
    """Status and length of the body."""

    @property
    def interim(self) -> bool:
        """Whether the final response follows."""
        return self.status < 200


_known: dict[bytes, Head] = {}


def read_head(data: bytes) -> Head:
    """Read a head, including its empty line. Raises BadHead."""
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
        raise BadHead("the response is not HTTP/1.1")
    fields: dict[bytes, bytes] = {}
    for line in lines[1:]:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise BadHead("a header field of the response cannot be read")
        name, value = found[1].lower(), found[2]
        if name == b"content-length" and fields.get(name, value) != value:
            raise BadHead("the response has two different Content-Length fields")
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
    """RFC 9112, section 6.3, for a response to anything but HEAD and CONNECT."""
    if status < 200 or status in (204, 304):
        return 0
    coding = fields.get(b"transfer-encoding")
    if coding is not None:
        if coding.lower() != b"chunked" or b"content-length" in fields:
            raise BadHead("the framing of the response's body is ambiguous")
        return CHUNKED
    length = fields.get(b"content-length")
    if length is None:
        return UNTIL_CLOSE
    if not _LENGTH.fullmatch(length):
        raise BadHead("the Content-Length of the response cannot be read")
    return int(length)


class BadChunk(ValueError):
    """Bytes that are not a chunk."""


class ChunkedBody:
    """Decodes a chunked body from pieces of any size."""

    __slots__ = ("_buffer", "_left_bytes", "_trailing", "content", "ended", "surplus")

    def __init__(self) -> None:
        self.content = bytearray()
        self.ended = False
        self.surplus = b""
        """Bytes after the end of the body."""
        self._buffer = b""
        self._left_bytes = 0
        """Bytes left of the current chunk, including its line end."""
        self._trailing = False

    def feed(self, data: bytes) -> None:
        """Decode the next piece. Raises BadChunk."""
        data = self._buffer + data if self._buffer else data
        position = 0
        while not self.ended:
            if self._left_bytes:
                taken = min(self._left_bytes, len(data) - position)
                content = min(taken, max(0, self._left_bytes - 2))
                self.content += data[position : position + content]
                end_begins = max(0, 2 - self._left_bytes)
                if data[position + content : position + taken] != b"\r\n"[end_begins : end_begins + taken - content]:
                    raise BadChunk("a chunk of the response does not end where it should")
                self._left_bytes -= taken
                position += taken
                if self._left_bytes:
                    break
                continue
            end = data.find(b"\r\n", position)
            if end < 0:
                if len(data) - position > LINE_AT_MOST_BYTES:
                    raise BadChunk("a line of the response's chunk framing is too long")
                break
            line, position = data[position:end], end + 2
            if self._trailing:
                self.ended = not line
                continue
            size = _CHUNK_SIZE.fullmatch(line)
            if size is None:
                raise BadChunk("the size of a chunk cannot be read")
            number = int(size[1], 16)
            self._trailing = number == 0
            self._left_bytes = number + 2 if number else 0
        rest = data[position:]
        self._buffer, self.surplus = (b"", rest) if self.ended else (rest, b"")
