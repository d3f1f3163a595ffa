"""An HTTP/2 server whose every frame the test decides, built on libraries that the clients do not use."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeVar

import hpack
from hyperframe.frame import (
    DataFrame,
    Frame,
    HeadersFrame,
    SettingsFrame,
)

from tests.support.scripted_server import Running, running

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
Fields = Sequence[tuple[str, str]]
GRPC_HEAD: Fields = ((":status", "200"), ("content-type", "application/grpc"))
GRPC_OK: Fields = (("grpc-status", "0"),)


AnyFrame = TypeVar("AnyFrame", bound=Frame)


@dataclass(frozen=True)
class Asked:
    """A complete request."""

    stream_id: int
    headers: dict[str, str]
    body: bytes


class Peer:
    """The server side of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.seen: list[Frame] = []
        """Every frame that came in."""

    async def start(self, settings: dict[int, int] | None = None) -> None:
        """Read the preface and send SETTINGS."""
        assert await self.reader.readexactly(len(PREFACE)) == PREFACE
        self.send(SettingsFrame(0, settings=settings or {}))

    async def frame(self) -> Frame:
        """The next frame. Raises IncompleteReadError at the end of the connection."""
        frame, size = Frame.parse_frame_header(memoryview(await self.reader.readexactly(9)))
        frame.parse_body(memoryview(await self.reader.readexactly(size)))
        self.seen.append(frame)
        return frame

    async def frame_of(self, kind: type[AnyFrame], *flags: str) -> AnyFrame:
        """The next frame of that type with these flags; earlier ones are kept in `seen`."""
        while True:
            frame = await self.frame()
            if isinstance(frame, kind) and all(flag in frame.flags for flag in flags):
                return frame

    async def request(self) -> Asked:
        """The next complete request, on any stream."""
        headers: dict[int, dict[str, str]] = {}
        bodies: dict[int, bytes] = {}
        while True:
            frame = await self.frame()
            if isinstance(frame, HeadersFrame):
                assert "END_HEADERS" in frame.flags
                fields = self.decoder.decode(frame.data)
                headers[frame.stream_id] = {str(name): str(value) for name, value in fields}
                bodies[frame.stream_id] = b""
            elif isinstance(frame, DataFrame):
                bodies[frame.stream_id] += frame.data
            if frame.stream_id in headers and "END_STREAM" in frame.flags:
                return Asked(frame.stream_id, headers[frame.stream_id], bodies[frame.stream_id])

    def send(self, *frames: Frame | bytes) -> None:
        """Write frames."""
        self.writer.write(b"".join(f if isinstance(f, bytes) else f.serialize() for f in frames))

    def headers(self, stream_id: int, fields: Fields, *flags: str) -> HeadersFrame:
        """A HEADERS frame with the complete header block."""
        frame = HeadersFrame(stream_id, self.encoder.encode(list(fields)))
        frame.flags.add("END_HEADERS")
        for flag in flags:
            frame.flags.add(flag)
        return frame

    def whole_answer(self, stream_id: int, message: bytes, *, head: Fields = GRPC_HEAD, end: Fields = GRPC_OK) -> bytes:
        """HEADERS, DATA, trailers: a gRPC response with one message."""
        body = prefixed(message)
        frames: list[Frame] = [
            self.headers(stream_id, head),
            *(DataFrame(stream_id, body[start : start + 16_384]) for start in range(0, len(body), 16_384)),
            self.headers(stream_id, end, "END_STREAM"),
        ]
        return b"".join(frame.serialize() for frame in frames)


def prefixed(message: bytes, *, compressed: bool = False) -> bytes:
    """A gRPC message with its prefix."""
    return bytes([compressed]) + len(message).to_bytes(4, "big") + message


Script = Callable[[Peer], Awaitable[None]]


def speaking_http2(*scripts: Script) -> AbstractAsyncContextManager[Running[Peer]]:
    """A server that runs the first script on the first connection, and so on; the last one on all later ones."""
    return running(*scripts, peer=Peer)
