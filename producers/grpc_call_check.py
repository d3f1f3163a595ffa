"""Refusing calls that gRPC's core lets pass, from the bytes of an HTTP/2 connection: wrong content types and codings.

gRPC over HTTP/2 wants a content type that does not begin with application/grpc answered with 415, so that no client of
another kind takes a status 200 for success, and a message coding that is not known with UNIMPLEMENTED
(https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). gRPC's core shows neither to a service.

A `CallCheck` is given what comes from each side and says what goes on to the other. Everything goes on as it came, so
that HPACK's tables on both sides agree. Behind the header block of a call that is refused the server is told that the
caller has cancelled it, and the caller gets the refusal, which changes no table, between two frames of the server's.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from hpack import Decoder, Encoder, HPACKError, NeverIndexedHeaderTuple, OversizedHeaderListError

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client sends first (RFC 9113, section 3.4)."""

HEAD_BYTES = 9
"""Of each frame (RFC 9113, section 4.1)."""
DATA, HEADERS, RST_STREAM, GOAWAY, CONTINUATION = 0x0, 0x1, 0x3, 0x7, 0x9
END_STREAM, END_HEADERS, PADDED, PRIORITY = 0x1, 0x4, 0x8, 0x20
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 0x0, 0x1, 0x2, 0x8, 0x9, 0xB

CONTENT_TYPE = "application/grpc"
KNOWN_CODINGS = (b"identity", b"deflate", b"gzip")
"""What gRPC's core can undo."""

ABANDONED_AT_MOST = 200
"""So many more calls than were answered may be reset by their caller, or refused. Each is one to the core that nobody
waits for (docs/decisions/0013-strict-calls.md)."""

REMEMBERED = 1000
"""Refused streams of which the server must not be heard again; it forgets a cancelled one within a turn of its loop."""


class ConnectionBroken(Exception):
    """What came cannot be followed, or is too much, so the connection has to end. `code` is for its GOAWAY."""

    def __init__(self, code: int) -> None:
        super().__init__(f"HTTP/2 error code {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class FrameHead:
    """The head of a frame: its payload's length in bytes, type, flags and stream."""

    length: int
    kind: int
    flags: int
    stream: int


@dataclass(slots=True)
class FrameReader:
    """Follows the frames of one direction, whatever pieces they come in."""

    _head: bytearray = field(default_factory=bytearray)
    _frame: FrameHead | None = None
    _left: int = 0

    @property
    def between(self) -> bool:
        """Whether the last frame is complete and the next has not begun."""
        return self._frame is None and not self._head

    def read(self, data: bytes) -> Iterator[tuple[FrameHead, bytes, bool]]:
        """Each piece of a frame, its head with the first, and whether it is the last of that frame."""
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
    """One connection: `from_client` and `from_server` take what came, in any pieces, and return what goes on."""

    def __init__(self, block_bytes: int) -> None:
        """`block_bytes`: the longest header block, and the longest header list that it may stand for."""
        self._block_bytes = block_bytes
        self._preface_left = PREFACE
        self._client = FrameReader()
        self._decoder = Decoder(max_header_list_size=block_bytes)
        self._block: list[tuple[FrameHead, bytearray]] = []
        """The frames of the header block that is coming, heads included."""
        self._held_bytes = 0
        self._last_stream = 0
        self._server = FrameReader()
        self._server_has_begun = False
        self._server_in_block = False
        self._abandoned = self._answered = 0
        self._refused: OrderedDict[int, bool] = OrderedDict()
        """Streams, and whether what more comes on them is to be answered with a request to stop."""
        self._refusals = bytearray()
        """What waits for the server's present frame or header block to end."""

    def from_client(self, data: bytes) -> tuple[bytes, bytes]:
        """What goes on to the server, and what goes back to the client. Raises ConnectionBroken."""
        preface = data[: len(self._preface_left)]
        if not self._preface_left.startswith(preface):
            raise ConnectionBroken(PROTOCOL_ERROR)
        self._preface_left = self._preface_left[len(preface) :]
        to_server = bytearray(preface)
        for frame, piece, ends in self._client.read(data[len(preface) :]):
            if self._is_of_block(frame):
                to_server += self._of_block(frame, piece, ends)
                continue
            to_server += piece
            if ends and frame.kind == RST_STREAM:
                self._abandon()
            if ends and frame.kind == DATA and not frame.flags & END_STREAM and self._refused.get(frame.stream):
                # It does not take the answer for the end (RFC 9113, section 8.1).
                self._refused[frame.stream] = False
                self._refusals += frame_bytes(RST_STREAM, 0, frame.stream, NO_ERROR.to_bytes(4))
        return bytes(to_server), self._refusals_due()

    def from_server(self, data: bytes) -> bytes:
        """What goes on to the client. Raises ConnectionBroken."""
        to_client = bytearray()
        for frame, piece, ends in self._server.read(data):
            if frame.stream in self._refused and frame.kind in {HEADERS, DATA}:
                # It had begun to answer before it read that the call was cancelled.
                raise ConnectionBroken(INTERNAL_ERROR)
            to_client += piece
            if ends:
                self._server_has_begun = True
                self._answered += frame.kind in {HEADERS, DATA} and bool(frame.flags & END_STREAM)
                if frame.kind in {HEADERS, CONTINUATION}:
                    self._server_in_block = not frame.flags & END_HEADERS
                to_client += self._refusals_due()
        return bytes(to_client)

    def goaway(self, code: int) -> bytes:
        """What tells the client that the connection ends; nothing where it could not be read."""
        if not self._may_speak:
            return b""
        return frame_bytes(GOAWAY, 0, 0, self._last_stream.to_bytes(4) + code.to_bytes(4))

    @property
    def _may_speak(self) -> bool:
        return self._server_has_begun and self._server.between and not self._server_in_block

    def _refusals_due(self) -> bytes:
        if not self._refusals or not self._may_speak:
            return b""
        due = bytes(self._refusals)
        self._refusals.clear()
        return due

    def _is_of_block(self, frame: FrameHead) -> bool:
        """Whether a frame carries a header block. Raises ConnectionBroken when it may not come now."""
        if not self._block:
            if frame.kind == CONTINUATION:
                raise ConnectionBroken(PROTOCOL_ERROR)
            return frame.kind == HEADERS
        last, _ = self._block[-1]
        if frame is not last and (frame.kind, frame.stream) != (CONTINUATION, last.stream):
            raise ConnectionBroken(PROTOCOL_ERROR)
        return True

    def _of_block(self, frame: FrameHead, piece: bytes, ends: bool) -> bytes:
        """What goes on to the server: nothing, until the block is complete."""
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
            # Trailers of a call that began before, or an error, which the server will find.
            return whole
        self._last_stream = opening.stream
        refusal = refusal_of(headers)
        if refusal is None:
            return whole
        self._refuse(opening, refusal)
        return whole + frame_bytes(RST_STREAM, 0, opening.stream, CANCEL.to_bytes(4))

    def _decoded(self, block: bytes) -> dict[bytes, bytes]:
        try:
            # The last of equal names, as with whoever reads them into a mapping.
            return {bytes(name): bytes(value) for name, value in self._decoder.decode(block, raw=True)}
        except OversizedHeaderListError:
            raise ConnectionBroken(ENHANCE_YOUR_CALM) from None
        except HPACKError:
            raise ConnectionBroken(COMPRESSION_ERROR) from None

    def _abandon(self) -> None:
        self._abandoned += 1
        if self._abandoned > self._answered + ABANDONED_AT_MOST:
            raise ConnectionBroken(ENHANCE_YOUR_CALM)

    def _refuse(self, opening: FrameHead, refusal: bytes) -> None:
        self._abandon()
        self._refused[opening.stream] = True
        if len(self._refused) > REMEMBERED:
            self._refused.popitem(last=False)
        self._refusals += frame_bytes(HEADERS, END_HEADERS | END_STREAM, opening.stream, refusal)


def frame_head(head: bytes) -> FrameHead:
    """The 9 bytes that begin a frame."""
    return FrameHead(int.from_bytes(head[:3]), head[3], head[4], int.from_bytes(head[5:]) & 0x7FFFFFFF)


def frame_bytes(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A whole frame."""
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def fragment(head: FrameHead, frame: bytes | bytearray) -> bytes:
    """The part of a header block that a whole frame carries (RFC 9113, section 6.2). Raises ConnectionBroken."""
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
    """The header block to refuse a call with; None when neither content type nor coding speaks against it."""
    if not is_grpc(headers.get(b"content-type", b"").decode("latin-1")):
        return UNSUPPORTED_MEDIA_TYPE
    if headers.get(b"grpc-encoding", b"identity") not in KNOWN_CODINGS:
        return UNKNOWN_CODING
    return None


def is_grpc(content_type: str) -> bool:
    """Whether a content type is application/grpc, with or without the name of a message format or parameters."""
    lowered = content_type.lower()
    return lowered == CONTENT_TYPE or lowered.startswith((CONTENT_TYPE + "+", CONTENT_TYPE + ";"))


def lasting_nothing(*headers: tuple[str, str]) -> bytes:
    """A header block that can be read at any moment of a connection, and leaves HPACK's table as it was."""
    return Encoder().encode([NeverIndexedHeaderTuple(name, value) for name, value in headers])


UNSUPPORTED_MEDIA_TYPE = lasting_nothing((":status", "415"))
UNKNOWN_CODING = lasting_nothing(
    (":status", "200"),
    ("content-type", CONTENT_TYPE),
    ("grpc-status", "12"),
    ("grpc-message", "messages in this grpc-encoding cannot be read here"),
    ("grpc-accept-encoding", b",".join(KNOWN_CODINGS).decode()),
)
