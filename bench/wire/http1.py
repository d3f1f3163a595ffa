"""HTTP/1.1 on the wire (RFC 9112): cuts one direction of a connection into request line, fields, framing and body.

Bytes may come in any chunking. Bytes that are not HTTP/1.1, and all that follow them, are named `unparsed`. Nothing is
raised for them.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.wire.codec import (
    GZIP,
    IDENTITY,
    NOTHING,
    Codec,
    Content,
    Exchanges,
    Parsed,
    content_coding,
    inflated_bytes,
)
from bench.wire.parts import (
    BODY,
    CHUNK_FRAMING,
    HEADER_FIELDS,
    REQUEST_LINE,
    STATUS_LINE,
    TRAILERS,
    UNPARSED,
    Part,
)
from bench.wire.recording import Direction

MAXIMUM_LINE_BYTES = 1 << 16
"""The longest line that is accepted."""
MAXIMUM_FIELDS = 1 << 10

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") [^\s]+ HTTP/1\.[01]")
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: .*)?")
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*(.*?)[ \t]*", re.DOTALL)
_FOLDED = re.compile(rb"[ \t].*", re.DOTALL)
_LENGTH = re.compile(rb"[0-9]{1,15}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,14})[ \t]*(?:;.*)?", re.DOTALL)


@dataclass(slots=True)
class Http1Message:
    """A request or a response, as far as it was parsed. Interim responses (1xx) belong to the final one."""

    start: bytes
    """The method of a request, the status code of a response."""
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Names in lower case, without trailers."""
    body: bytearray = field(default_factory=bytearray)
    complete: bool = False

    def values(self, name: bytes) -> list[bytes]:
        """The members of all fields of that name, each a list of comma-separated members, in lower case."""
        joined = b",".join(value for key, value in self.fields if key == name)
        return [member.strip().lower() for member in joined.split(b",") if member.strip()]


class Http1Parser:
    """One direction of a connection. Requests and responses differ in their start line and in how a body ends."""

    def __init__(self, *, methods: Sequence[bytes] | None = None) -> None:
        """`methods` None: parses requests. Otherwise parses the responses to requests with these methods, in order.

        The sequence may grow while responses are parsed.
        """
        self.messages: list[Http1Message] = []
        self.methods: list[bytes] = []
        """Of the requests so far, for the parser of the responses."""
        self._methods = methods
        self._buffer = bytearray()
        self._step: Callable[[], Part | None] = self._start_line
        self._left_bytes = 0
        """Bytes left of the current body or chunk."""
        self._interim = False
        self._fields_read = 0

    def feed(self, data: bytes) -> list[Part]:
        """The parts that are complete with these bytes. Bodies are passed on as they come."""
        self._buffer += data
        parts = []
        while self._buffer and (part := self._step()) is not None:
            parts.append(part)
        return parts

    def finish(self) -> list[Part]:
        """The stream has ended: the part that is left incomplete."""
        if self._step == self._until_close:
            self.messages[-1].complete = True
        return [self._broken_part()] if self._buffer else []

    @property
    def _owner(self) -> int:
        return len(self.messages) - 1

    def _cut(self, name: str, size: int, owner: int | None) -> Part:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return Part(name, data, owner)

    def _broken_part(self) -> Part:
        """Stop parsing: these bytes and all that follow are unparsed."""
        self._step = self._broken_part
        return self._cut(UNPARSED, len(self._buffer), None)

    def _line_bytes(self) -> int:
        """The size of the next line with its end; 0 when it is not complete, -1 when it is too long."""
        end = self._buffer.find(b"\n", 0, MAXIMUM_LINE_BYTES)
        if end < 0:
            return -1 if len(self._buffer) >= MAXIMUM_LINE_BYTES else 0
        return end + 1

    def _line(self, size: int) -> bytes:
        line = bytes(self._buffer[: size - 1])
        return line.removesuffix(b"\r")

    def _start_line(self) -> Part | None:
        size = self._line_bytes()
        if size <= 0:
            return None if size == 0 else self._broken_part()
        line = self._line(size)
        responding = self._methods is not None
        name = STATUS_LINE if responding else REQUEST_LINE
        if not line and not self._interim:
            # RFC 9112, section 2.2: an empty line before a request is ignored. It counts with what follows it.
            return self._cut(name, size, self._owner + 1)
        match = (_STATUS_LINE if responding else _REQUEST_LINE).fullmatch(line)
        if match is None:
            return self._broken_part()
        if not self._interim:
            self.messages.append(Http1Message(match[1]))
            self.methods.append(match[1])
        message = self.messages[-1]
        message.start = match[1]
        message.fields.clear()
        self._fields_read = 0
        self._step = self._header_field
        return self._cut(name, size, self._owner)

    def _header_field(self) -> Part | None:
        size = self._line_bytes()
        if size == 0:
            return None
        if size > 0 and not self._line(size):
            part = self._cut(HEADER_FIELDS, size, self._owner)
            self._step = self._after_header()
            return part
        return self._field(size, HEADER_FIELDS, self.messages[-1].fields)

    def _trailer(self) -> Part | None:
        size = self._line_bytes()
        if size == 0:
            return None
        if size > 0 and not self._line(size):
            part = self._cut(CHUNK_FRAMING, size, self._owner)
            self._end_message()
            return part
        return self._field(size, TRAILERS, [])

    def _field(self, size: int, name: str, fields: list[tuple[bytes, bytes]]) -> Part:
        self._fields_read += 1
        if size < 0 or self._fields_read > MAXIMUM_FIELDS:
            return self._broken_part()
        line = self._line(size)
        if match := _FIELD.fullmatch(line):
            fields.append((match[1].lower(), match[2]))
        elif _FOLDED.fullmatch(line) is None or self._fields_read == 1:
            return self._broken_part()
        return self._cut(name, size, self._owner)

    def _after_header(self) -> Callable[[], Part | None]:
        """What follows the header section of the last message (RFC 9112, section 6.3)."""
        message = self.messages[-1]
        self._interim = False
        if self._methods is not None:
            status = int(message.start)
            method = self._methods[self._owner] if self._owner < len(self._methods) else b"GET"
            if status == 101 or (method == b"CONNECT" and 200 <= status < 300):
                # Another protocol follows.
                message.complete = True
                return self._broken_part
            if status < 200:
                self._interim = True
                return self._start_line
            if method == b"HEAD" or status in (204, 304):
                return self._end_message()
        if codings := message.values(b"transfer-encoding"):
            if codings[-1] == b"chunked":
                return self._chunk_size
            return self._broken_part if self._methods is None else self._until_close
        lengths = set(message.values(b"content-length"))
        if not lengths:
            return self._end_message() if self._methods is None else self._until_close
        length = lengths.pop()
        if lengths or _LENGTH.fullmatch(length) is None:
            return self._broken_part
        self._left_bytes = int(length)
        return self._sized_body if self._left_bytes else self._end_message()

    def _end_message(self) -> Callable[[], Part | None]:
        self.messages[-1].complete = True
        self._step = self._start_line
        return self._start_line

    def _body(self, size: int) -> Part:
        part = self._cut(BODY, size, self._owner)
        self.messages[-1].body += part.data
        return part

    def _sized_body(self) -> Part:
        part = self._body(min(self._left_bytes, len(self._buffer)))
        self._left_bytes -= len(part.data)
        if not self._left_bytes:
            self._end_message()
        return part

    def _until_close(self) -> Part:
        return self._body(len(self._buffer))

    def _chunk_size(self) -> Part | None:
        size = self._line_bytes()
        if size == 0:
            return None
        match = _CHUNK_SIZE.fullmatch(self._line(size)) if size > 0 else None
        if match is None:
            return self._broken_part()
        self._left_bytes = int(match[1], 16)
        self._fields_read = 0
        self._step = self._chunk if self._left_bytes else self._trailer
        return self._cut(CHUNK_FRAMING, size, self._owner)

    def _chunk(self) -> Part:
        part = self._body(min(self._left_bytes, len(self._buffer)))
        self._left_bytes -= len(part.data)
        if not self._left_bytes:
            self._step = self._chunk_end
        return part

    def _chunk_end(self) -> Part | None:
        if self._buffer.startswith(b"\n"):
            size = 1
        elif self._buffer.startswith(b"\r\n"):
            size = 2
        else:
            return None if self._buffer == b"\r" else self._broken_part()
        self._step = self._chunk_size
        return self._cut(CHUNK_FRAMING, size, self._owner)


class Http1Exchanges(Exchanges):
    """A connection of HTTP/1.1. All bytes of the producer belong to a response."""

    def __init__(self) -> None:
        self._requests = Http1Parser()
        self._responses = Http1Parser(methods=self._requests.methods)

    @property
    def begun(self) -> int:
        return len(self._requests.messages)

    @property
    def ended(self) -> int:
        responses = self._responses.messages
        return len(responses) - bool(responses and not responses[-1].complete)

    def sent(self, data: bytes) -> None:
        _feed_without_keeping(self._requests, data)

    def received(self, data: bytes) -> Sequence[Part]:
        return _feed_without_keeping(self._responses, data)


def _feed_without_keeping(parser: Http1Parser, data: bytes) -> list[Part]:
    """The parts that are complete, their content removed from the parser's messages."""
    known = max(0, len(parser.messages) - 1)
    parts = parser.feed(data)
    for message in parser.messages[known:]:
        message.body.clear()
    return parts


class Http1Codec(Codec):
    """HTTP/1.1. Every byte belongs to a message, except those that are unparsed."""

    def parse(self, sent: bytes, received: bytes) -> Parsed:
        requests = Http1Parser()
        sent_parts = requests.feed(sent) + requests.finish()
        responses = Http1Parser(methods=requests.methods)
        received_parts = responses.feed(received) + responses.finish()
        contents = [_content(message) for message in responses.messages]
        return Parsed(
            {Direction.SENT: sent_parts, Direction.RECEIVED: received_parts},
            {
                number: (_content(request), contents[number] if number < len(contents) else NOTHING)
                for number, request in enumerate(requests.messages)
            },
        )

    def exchanges(self) -> Exchanges:
        return Http1Exchanges()


def _content(message: Http1Message) -> Content:
    coding = content_coding(message.values(b"content-encoding"))
    transfer_codings = message.values(b"transfer-encoding")
    body = bytes(message.body)
    return Content(
        message_bytes=None if transfer_codings not in ([], [b"chunked"]) else inflated_bytes(body, coding),
        compressed_bytes=len(body),
        coding=coding if body else IDENTITY,
        complete=message.complete,
        headers=tuple(message.fields),
        compressed=(body,) if body and coding == GZIP else (),
    )
