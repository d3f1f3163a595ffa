"""Refuses calls with a wrong content type or message coding, which gRPC's core accepts. Works on the HTTP/2 bytes.

gRPC over HTTP/2 requires 415 for a content type that does not begin with application/grpc, so that other clients do not
take a status 200 for success, and UNIMPLEMENTED for an unknown message coding
(https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). gRPC's core shows neither to a service.

A `CallCheck` gets the bytes of each side and returns the bytes for the other. All bytes are forwarded unchanged, so
that the HPACK tables of both sides agree. After the header block of a refused call, the server gets a RST_STREAM as if
the caller had cancelled, and the caller gets the refusal between two frames of the server. A refusal changes no table.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from hpack import Decoder, Encoder, HPACKError, NeverIndexedHeaderTuple, OversizedHeaderListError

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""The connection preface of a client (RFC 9113, section 3.4)."""

HEAD_BYTES = 9
"""The length of a frame header (RFC 9113, section 4.1)."""
DATA, HEADERS, RST_STREAM, PING, GOAWAY, CONTINUATION = 0x0, 0x1, 0x3, 0x6, 0x7, 0x9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 0x0, 0x1, 0x2, 0x8, 0x9, 0xB

CONTENT_TYPE = "application/grpc"
KNOWN_CODINGS = (b"identity", b"deflate", b"gzip")
"""The codings that gRPC's core can decompress."""

ABANDONED_AT_MOST = 200
"""How far the number of refused calls and of calls reset by their caller may exceed that of answered calls. The core
processes each of them for nobody (docs/decisions/0013-strict-calls.md)."""

LAST_POSSIBLE_STREAM = 2**31 - 1
LEAVING = b"leaving."
"""The payload of the PING that follows the first GOAWAY."""

REMEMBERED = 1000
"""Refused streams to remember, on which the server must send nothing. It drops a cancelled one within one loop turn."""


class ConnectionBroken(Exception):
    """The bytes are invalid or exceed a limit, so the connection has to end. `code` is that of its GOAWAY."""

    def __init__(self, code: int) -> None:
        super().__init__(f"HTTP/2 error code {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class FrameHead:
    """A frame header: the length of the payload in bytes, type, flags and stream."""

    length: int
    kind: int
    flags: int
    stream: int


@dataclass(slots=True)
class FrameReader:
    """Splits the bytes of one direction into frames, in pieces of any size."""

    _head: bytearray = field(default_factory=bytearray)
    _frame: FrameHead | None = None
    _left: int = 0

    @property
    def between(self) -> bool:
        """Whether the last frame is complete and the next has not begun."""
        return self._frame is None and not self._head

    def read(self, data: bytes) -> Iterator[tuple[FrameHead, bytes, bool]]:
        """The pieces of frames, the header with the first piece, and whether a piece is the last of its frame."""
        at = 0
        while at < len(data):
            first = b""
            if self._frame is None:
                missing = HEAD_BYTES - len(self._head)
                self._head += data[at : at + missing]
                at += missing
                if len(self._head) < HEAD_BYTES:
                    return
                first = bytes(self._head)
                self._head.clear()
                self._frame = frame_head(first)
                self._left = self._frame.length
            frame = self._frame
            piece = data[at : at + self._left]
            at += len(piece)
            self._left -= len(piece)
            if not self._left:
                self._frame = None
            yield frame, first + piece, not self._left


class CallCheck:
    """One connection: `from_client` and `from_server` take bytes in pieces of any size and return what to forward."""

    def __init__(self, block_bytes: int) -> None:
        """`block_bytes`: the most bytes of a header block, and of the header list that it decodes to."""
        self._block_bytes = block_bytes
        self._preface_left = PREFACE
        self._client = FrameReader()
        self._decoder = Decoder(max_header_list_size=block_bytes)
        self._block: list[tuple[FrameHead, bytearray]] = []
        """The frames of the incomplete header block, with their headers."""
        self._held_bytes = 0
        self._last_stream = 0
        self._server = FrameReader()
        self._server_has_begun = False
        self._server_in_block = False
        self._abandoned = self._answered = 0
        self._refused: OrderedDict[int, bool] = OrderedDict()
        """Refused streams, and whether further DATA on them is answered with RST_STREAM."""
        self._own = bytearray()
        """Frames for the client that wait for the end of the server's current frame or header block."""
        self._open: set[int] = set()
        """Streams of calls that have not ended."""
        self._leaving = self._left = False
        """Whether the client has been asked to open no more streams, and whether it has confirmed that."""
        self._pong = bytearray()

    def from_client(self, data: bytes) -> tuple[bytes, bytes]:
        """The bytes for the server, and those for the client. Raises ConnectionBroken."""
        preface = data[: len(self._preface_left)]
        if not self._preface_left.startswith(preface):
            raise ConnectionBroken(PROTOCOL_ERROR)
        self._preface_left = self._preface_left[len(preface) :]
        to_server = bytearray(preface)
        for frame, piece, ends in self._client.read(data[len(preface) :]):
            if self._is_of_block(frame):
                to_server += self._of_block(frame, piece, ends)
                continue
            if self._leaving and frame.kind == PING and frame.flags & ACK:
                to_server += self._pong_for_server(piece, ends)
                continue
            to_server += piece
            if ends and frame.kind == RST_STREAM:
                self._abandon(frame.stream)
            if ends and frame.kind == DATA and not frame.flags & END_STREAM and self._refused.get(frame.stream):
                # The client keeps sending after the response (RFC 9113, section 8.1).
                self._refused[frame.stream] = False
                self._own += frame_bytes(RST_STREAM, 0, frame.stream, NO_ERROR.to_bytes(4))
        return bytes(to_server), self._own_due()

    def from_server(self, data: bytes) -> bytes:
        """The bytes for the client. Raises ConnectionBroken."""
        to_client = bytearray()
        for frame, piece, ends in self._server.read(data):
            if frame.stream in self._refused and frame.kind in {HEADERS, DATA}:
                # The server had begun its response before it read the RST_STREAM.
                raise ConnectionBroken(INTERNAL_ERROR)
            to_client += piece
            if ends:
                self._server_has_begun = True
                if frame.kind == RST_STREAM or (frame.kind in {HEADERS, DATA} and frame.flags & END_STREAM):
                    self._answered += frame.kind != RST_STREAM
                    self._open.discard(frame.stream)
                if frame.kind in {HEADERS, CONTINUATION}:
                    self._server_in_block = not frame.flags & END_HEADERS
                to_client += self._own_due()
        return bytes(to_client)

    def leave(self) -> bytes:
        """Ask the client to open no more streams, and return the bytes for it that are due now (RFC 9113, 6.8).

        The first GOAWAY excludes no stream. What the client opened before it read that comes before its response to the
        PING. Then the second GOAWAY says which stream was the last.
        """
        if not self._leaving:
            self._leaving = True
            self._own += _goaway(LAST_POSSIBLE_STREAM, NO_ERROR) + frame_bytes(PING, 0, 0, LEAVING)
        return self._own_due()

    @property
    def used(self) -> bool:
        """Whether the client has opened a stream."""
        return self._last_stream > 0

    @property
    def busy(self) -> bool:
        """Whether a call has not ended."""
        return bool(self._open)

    @property
    def finished(self) -> bool:
        """Whether every call that the client will ever have sent has ended."""
        return self._left and not self._open and not self._own

    def goaway(self, code: int) -> bytes:
        """A GOAWAY frame for the client, or nothing where the client could not parse one."""
        if not self._may_speak:
            return b""
        return _goaway(self._last_stream, code)

    @property
    def _may_speak(self) -> bool:
        return self._server_has_begun and self._server.between and not self._server_in_block

    def _own_due(self) -> bytes:
        if not self._own or not self._may_speak:
            return b""
        due = bytes(self._own)
        self._own.clear()
        return due

    def _pong_for_server(self, piece: bytes, ends: bool) -> bytes:
        """The response to a PING of the server's, once it is complete. That to the PING of `leave` is not for it."""
        self._pong += piece
        if not ends:
            return b""
        pong = bytes(self._pong)
        self._pong.clear()
        if pong[HEAD_BYTES:] != LEAVING:
            return pong
        if not self._left:
            self._left = True
            self._own += _goaway(self._last_stream, NO_ERROR)
        return b""

    def _is_of_block(self, frame: FrameHead) -> bool:
        """Whether a frame belongs to a header block. Raises ConnectionBroken if it is not allowed here."""
        if not self._block:
            if frame.kind == CONTINUATION:
                raise ConnectionBroken(PROTOCOL_ERROR)
            return frame.kind == HEADERS
        last, _ = self._block[-1]
        if frame is not last and (frame.kind, frame.stream) != (CONTINUATION, last.stream):
            raise ConnectionBroken(PROTOCOL_ERROR)
        return True

    def _of_block(self, frame: FrameHead, piece: bytes, ends: bool) -> bytes:
        """The bytes for the server: nothing until the block is complete."""
        if not self._block or frame is not self._block[-1][0]:
            self._block.append((frame, bytearray()))
        self._block[-1][1].extend(piece)
        self._held_bytes += len(piece)
        if self._held_bytes > self._block_bytes:
            raise ConnectionBroken(ENHANCE_YOUR_CALM)
        if not ends or not frame.flags & END_HEADERS:
            return b""
        headers = self._decoded(b"".join([fragment(head, content) for head, content in self._block]))
        whole = b"".join([content for _, content in self._block])
        opening, _ = self._block[0]
        self._block.clear()
        self._held_bytes = 0
        if opening.stream <= self._last_stream:
            # Trailers of an earlier call, or an error, which the server will detect.
            return whole
        self._last_stream = opening.stream
        refusal = refusal_of(headers)
        if refusal is None:
            self._open.add(opening.stream)
            return whole
        self._refuse(opening, refusal)
        return whole + frame_bytes(RST_STREAM, 0, opening.stream, CANCEL.to_bytes(4))

    def _decoded(self, block: bytes) -> dict[bytes, bytes]:
        try:
            # Of equal names the last one counts.
            return {bytes(name): bytes(value) for name, value in self._decoder.decode(block, raw=True)}
        except OversizedHeaderListError:
            raise ConnectionBroken(ENHANCE_YOUR_CALM) from None
        except HPACKError:
            raise ConnectionBroken(COMPRESSION_ERROR) from None

    def _abandon(self, stream: int) -> None:
        self._open.discard(stream)
        self._abandoned += 1
        if self._abandoned > self._answered + ABANDONED_AT_MOST:
            raise ConnectionBroken(ENHANCE_YOUR_CALM)

    def _refuse(self, opening: FrameHead, refusal: bytes) -> None:
        self._abandon(opening.stream)
        self._refused[opening.stream] = True
        if len(self._refused) > REMEMBERED:
            self._refused.popitem(last=False)
        self._own += frame_bytes(HEADERS, END_HEADERS | END_STREAM, opening.stream, refusal)


def frame_head(head: bytes) -> FrameHead:
    """The frame header in 9 bytes."""
    return FrameHead(int.from_bytes(head[:3]), head[3], head[4], int.from_bytes(head[5:]) & 0x7FFFFFFF)


def frame_bytes(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A whole frame."""
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def _goaway(last_stream: int, code: int) -> bytes:
    return frame_bytes(GOAWAY, 0, 0, last_stream.to_bytes(4) + code.to_bytes(4))


def fragment(head: FrameHead, frame: bytes | bytearray) -> bytes:
    """The header block fragment in a complete frame (RFC 9113, section 6.2). Raises ConnectionBroken."""
    begin, end = HEAD_BYTES, len(frame)
    if head.kind == HEADERS and head.flags & PADDED:
        if begin == end:
            raise ConnectionBroken(PROTOCOL_ERROR)
        end -= frame[begin]
        begin += 1
    if head.kind == HEADERS and head.flags & PRIORITY:
        begin += 5
    if begin > end:
        raise ConnectionBroken(PROTOCOL_ERROR)
    return bytes(frame[begin:end])


def refusal_of(headers: dict[bytes, bytes]) -> bytes | None:
    """The header block that refuses a call, or None if its content type and coding are valid."""
    if not is_grpc(headers.get(b"content-type", b"").decode("latin-1")):
        return UNSUPPORTED_MEDIA_TYPE
    if headers.get(b"grpc-encoding", b"identity") not in KNOWN_CODINGS:
        return UNKNOWN_CODING
    return None


def is_grpc(content_type: str) -> bool:
    """Whether a content type is application/grpc, with or without a message format or parameters."""
    lowered = content_type.lower()
    return lowered == CONTENT_TYPE or lowered.startswith((CONTENT_TYPE + "+", CONTENT_TYPE + ";"))


def stateless_block(*headers: tuple[str, str]) -> bytes:
    """A header block that neither uses nor changes the dynamic HPACK table, so that it can be sent at any time."""
    return Encoder().encode([NeverIndexedHeaderTuple(name, value) for name, value in headers])


UNSUPPORTED_MEDIA_TYPE = stateless_block((":status", "415"))
UNKNOWN_CODING = stateless_block(
    (":status", "200"),
    ("content-type", CONTENT_TYPE),
    ("grpc-status", "12"),
    ("grpc-message", "this grpc-encoding is not supported"),
    ("grpc-accept-encoding", b",".join(KNOWN_CODINGS).decode()),
)
