"""HTTP/1.1 responses (RFC 9112) as the raw client reads them: heads, and bodies in chunked transfer coding. Pure.

Heads are cached by their bytes, so that the same head is parsed once. What is accepted is what aiohttp accepts, which
is more than the grammar of RFC 9112; docs/clients.md has the list.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from consumers.http_rules import FIELD_AT_MOST_BYTES, FIELDS_AT_MOST, is_chunked, media_type

UNTIL_CLOSE = -1
CHUNKED = -2

KEPT_AT_MOST = 4096
"""Size of the cache. A Date field makes every head new once a second."""

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n]*)?")
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([^\r\n\0]*?)[ \t]*")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_EXTENSION = rb";" + _TOKEN + rb"(?:=(?:" + _TOKEN + rb'|"(?:[^"\\\r\n\0]|\\[^\r\n\0])*"))?'
_CHUNK_SIZE = re.compile(rb"0*([0-9A-Fa-f]{1,14})(?: *|(?: *" + _EXTENSION + rb")*)")
_LINE_END = re.compile(rb"\r?\n")
_EMPTY_LINE = re.compile(rb"\n\r?\n")
_BLANK = b"\r\n"
_BEGINNING = b"HTTP/1."


class BadResponse(ValueError):
    """Bytes that are not an HTTP/1.1 response. The text says why."""


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
    codings: str
    """The value of Content-Encoding. Empty when there is none."""
    fingerprint: tuple[int, int]
    """Status and length of the body."""

    @property
    def interim(self) -> bool:
        """Whether the final response follows."""
        return self.status < 200


_known: dict[bytes, Head] = {}


def read_head(data: bytes) -> Head:
    """Read a head, including its empty line. Raises BadResponse."""
    head = _known.get(data)
    if head is None:
        head = _read(data)
        if len(_known) >= KEPT_AT_MOST:
            _known.clear()
        _known[data] = head
    return head


def take_head(buffer: bytearray) -> Head | None:
    """Remove a head from the start of the buffer and return it. None while it is not complete. Raises BadResponse.

    Lines may end in LF alone, fields may be folded, and empty lines may come first (RFC 9112, sections 2.2 and 5.2).
    """
    begins = len(buffer) - len(buffer.lstrip(_BLANK))
    if not _BEGINNING.startswith(bytes(buffer[begins : begins + len(_BEGINNING)])):
        raise BadResponse("the response is not HTTP/1.1")
    end = _EMPTY_LINE.search(buffer, begins)
    if end is None:
        _check_limits(_LINE_END.split(bytes(buffer[begins:])))
        return None
    lines = _LINE_END.split(bytes(buffer[begins : end.end()]))[:-2]
    del buffer[: end.end()]
    unfolded: list[bytes] = []
    for line in lines:
        if line[:1] not in (b" ", b"\t"):
            unfolded.append(line)
        elif len(unfolded) > 1:
            unfolded[-1] += b" " + line.strip(b" \t")
    return read_head(b"\r\n".join([*unfolded, b"", b""]))


def _check_limits(lines: Sequence[bytes]) -> None:
    if len(lines) > FIELDS_AT_MOST + 1 or max(map(len, lines), default=0) > FIELD_AT_MOST_BYTES:
        raise BadResponse("the head of the response is too long")


def is_surplus(rest: bytes) -> bool:
    """Whether what follows a response is more than empty lines."""
    return bool(rest.lstrip(_BLANK))


def begins_response(rest: bytes) -> bool:
    """Whether what follows a response is a further response, which nobody requested."""
    return _BEGINNING.startswith(rest.lstrip(_BLANK)[: len(_BEGINNING)])


def _read(data: bytes) -> Head:
    lines = data[:-4].split(b"\r\n")
    _check_limits(lines)
    start = _STATUS_LINE.fullmatch(lines[0])
    if start is None:
        raise BadResponse("the response is not HTTP/1.1")
    fields: dict[bytes, bytes] = {}
    for line in lines[1:]:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise BadResponse("a header field of the response cannot be read")
        name, value = found[1].lower(), found[2]
        if name == b"content-length" and name in fields:
            raise BadResponse("the response has two Content-Length fields")
        if name not in fields:
            fields[name] = value
        elif name != b"content-type":
            fields[name] += b", " + value
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
        media_type=media_type(fields.get(b"content-type", b"").decode("latin-1")),
        codings=fields.get(b"content-encoding", b"").decode("latin-1"),
        fingerprint=(status, body_bytes),
    )


def _body_bytes(status: int, fields: dict[bytes, bytes]) -> int:
    """RFC 9112, section 6.3, for a response to anything but HEAD and CONNECT."""
    if status < 200 or status in (204, 304):
        return 0
    coding = fields.get(b"transfer-encoding")
    if coding is not None:
        if not is_chunked(coding.decode("latin-1")) or b"content-length" in fields:
            raise BadResponse("the framing of the response's body is ambiguous")
        return CHUNKED
    length = fields.get(b"content-length")
    if length is None:
        return UNTIL_CLOSE
    if not _LENGTH.fullmatch(length):
        raise BadResponse("the Content-Length of the response cannot be read")
    return int(length)


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
        """Decode the next piece. Raises BadResponse."""
        data = self._buffer + data if self._buffer else data
        position = 0
        while not self.ended:
            if self._left_bytes:
                taken = min(self._left_bytes, len(data) - position)
                content = min(taken, max(0, self._left_bytes - 2))
                self.content += data[position : position + content]
                end_begins = max(0, 2 - self._left_bytes)
                if data[position + content : position + taken] != b"\r\n"[end_begins : end_begins + taken - content]:
                    raise BadResponse("a chunk of the response does not end where it should")
                self._left_bytes -= taken
                position += taken
                if self._left_bytes:
                    break
                continue
            end = data.find(b"\n", position)
            if (len(data) if end < 0 else end) - position > FIELD_AT_MOST_BYTES:
                raise BadResponse("a line of the response's chunk framing is too long")
            if end < 0:
                break
            line, position = data[position:end], end + 1
            if self._trailing:
                self._end_or_skip(line.removesuffix(b"\r"))
                continue
            size = _CHUNK_SIZE.fullmatch(line[:-1]) if line.endswith(b"\r") else None
            if size is None:
                raise BadResponse("the size of a chunk cannot be read")
            number = int(size[1], 16)
            self._trailing = number == 0
            self._left_bytes = number + 2 if number else 0
        rest = data[position:]
        self._buffer, self.surplus = (b"", rest) if self.ended else (rest, b"")

    def _end_or_skip(self, line: bytes) -> None:
        """A line after the last chunk: a trailer, which nobody needs, or the end."""
        self.ended = not line
        if line and not _FIELD.fullmatch(line) and not line.startswith((b" ", b"\t")):
            raise BadResponse("a trailer of the response cannot be read")
