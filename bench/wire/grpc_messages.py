"""gRPC messages within the DATA of one HTTP/2 stream: a prefix of 5 bytes, then the message as coded.

Source: "gRPC over HTTP2", Length-Prefixed-Message = Compressed-Flag (1 byte) Message-Length (4 bytes) Message.
"""

from bench.wire.parts import UNPARSED

GRPC_PREFIX = "grpc_prefix"
MESSAGE = "message"
"""A message as coded by grpc-encoding where its prefix says so."""
PREFIX_BYTES = 5


class GrpcMessages:
    """One direction of one stream. Bytes may come in any chunking."""

    def __init__(self) -> None:
        self.messages: list[tuple[bool, bytearray]] = []
        """Whether each message is compressed, and its bytes so far."""
        self._prefix = bytearray()
        self._left_bytes = 0
        self._broken = False

    @property
    def complete(self) -> bool:
        """Whether the stream could end here."""
        return not self._broken and not self._prefix and not self._left_bytes

    def feed(self, data: bytes) -> list[tuple[str, bytes]]:
        """The data cut into pieces of GRPC_PREFIX, of MESSAGE and, behind an impossible prefix, of UNPARSED."""
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
