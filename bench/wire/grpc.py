"""gRPC on the wire, on top of HTTP/2: messages with a prefix of 5 bytes, each compressed by grpc-encoding or not.

Source: "gRPC over HTTP2", Length-Prefixed-Message = Compressed-Flag (1 byte) Message-Length (4 bytes) Message.
"""

from bench.wire.codec import GZIP, IDENTITY, Content, content_coding, inflated_bytes
from bench.wire.http2 import Http2Stream, StreamsCodec
from bench.wire.parts import GRPC_PREFIX, MESSAGE, UNPARSED

PREFIX_BYTES = 5


class GrpcMessages:
    """One direction of one stream. Bytes may come in any chunking."""

    def __init__(self) -> None:
        self.messages: list[tuple[bool, bytearray]] = []
        """Each message so far: whether it is compressed, and its bytes."""
        self._prefix = bytearray()
        self._left_bytes = 0
        self._broken = False

    @property
    def complete(self) -> bool:
        """Whether the stream may end here."""
        return not self._broken and not self._prefix and not self._left_bytes

    def feed(self, data: bytes) -> list[tuple[str, bytes]]:
        """Cut the data into pieces of GRPC_PREFIX, of MESSAGE and, after an invalid prefix, of UNPARSED."""
        pieces: list[tuple[str, bytes]] = []
        while data:
            if self._broken:
                name, size = UNPARSED, len(data)
            elif self._left_bytes:
                name, size = MESSAGE, min(self._left_bytes, len(data))
                self.messages[-1][1].extend(data[:size])
                self._left_bytes -= size
            elif not self._prefix and data[0] > 1:
                self._broken = True
                continue
            else:
                name, size = GRPC_PREFIX, min(PREFIX_BYTES - len(self._prefix), len(data))
                self._prefix += data[:size]
                self._read_prefix()
            pieces.append((name, data[:size]))
            data = data[size:]
        return pieces

    def _read_prefix(self) -> None:
        if len(self._prefix) == PREFIX_BYTES:
            self.messages.append((self._prefix[0] == 1, bytearray()))
            self._left_bytes = int.from_bytes(self._prefix[1:])
            self._prefix.clear()


class GrpcCodec(StreamsCodec[GrpcMessages]):
    """gRPC over HTTP/2."""

    def new_body(self) -> GrpcMessages:
        return GrpcMessages()

    def content(self, stream: Http2Stream[GrpcMessages]) -> Content:
        encoding = stream.value(b"grpc-encoding")
        declared = content_coding([encoding.strip().lower()] if encoding else [])
        messages = [(compressed, bytes(message)) for compressed, message in stream.body.messages]
        sizes = [inflated_bytes(message, declared) if compressed else len(message) for compressed, message in messages]
        known = [size for size in sizes if size is not None]
        return Content(
            message_bytes=sum(known) if len(known) == len(sizes) else None,
            compressed_bytes=sum(len(message) for _, message in messages),
            coding=declared if any(compressed for compressed, _ in messages) else IDENTITY,
            complete=stream.ended and stream.body.complete,
            headers=stream.fields,
            compressed=tuple(message for compressed, message in messages if compressed and declared == GZIP),
        )
