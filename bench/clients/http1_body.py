"""Bodies of HTTP/1.1 whose length is not announced: chunked transfer coding (RFC 9112, section 7.1). Pure."""

import re

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,14})[ \t]*(?:;[^\r\n]*)?")
LINE_AT_MOST_BYTES = 1 << 13
"""A line of chunk framing or of trailers that is longer is not waited for."""


class BadChunk(ValueError):
    """Bytes that are no chunk."""


class ChunkedBody:
    """Takes a chunked body apart as it comes."""

    __slots__ = ("_buffer", "_left_bytes", "_trailing", "content", "ended", "surplus")

    def __init__(self) -> None:
        self.content = bytearray()
        self.ended = False
        self.surplus = b""
        """What came behind the end."""
        self._buffer = b""
        self._left_bytes = 0
        """Of the chunk that is being read, its line end included."""
        self._trailing = False

    def feed(self, data: bytes) -> None:
        """Take what has come. Raises BadChunk."""
        data = self._buffer + data if self._buffer else data
        position = 0
        while not self.ended:
            if self._left_bytes:
                taken = min(self._left_bytes, len(data) - position)
                content = min(taken, max(0, self._left_bytes - 2))
                self.content += data[position : position + content]
                end_begins = max(0, 2 - self._left_bytes)
                if data[position + content : position + taken] != b"\r\n"[end_begins : end_begins + taken - content]:
                    raise BadChunk("a chunk of the answer does not end where it should")
                self._left_bytes -= taken
                position += taken
                if self._left_bytes:
                    break
                continue
            end = data.find(b"\r\n", position)
            if end < 0:
                if len(data) - position > LINE_AT_MOST_BYTES:
                    raise BadChunk("a line of the answer's chunks does not end")
                break
            line, position = data[position:end], end + 2
            if self._trailing:
                self.ended = not line
                continue
            size = _SIZE.fullmatch(line)
            if size is None:
                raise BadChunk("the size of a chunk cannot be read")
            number = int(size[1], 16)
            self._trailing = number == 0
            self._left_bytes = number + 2 if number else 0
        rest = data[position:]
        self._buffer, self.surplus = (b"", rest) if self.ended else (rest, b"")
