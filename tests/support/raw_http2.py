"""Raw HTTP/2: frames are sent as given, valid or not, and received ones are parsed; with gRPC on top."""

import asyncio
import os
import select
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from consumers.target import parse_target

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
AMPLE_S = 20.0
"""Within this, whatever is waited for has to come."""

FRAME_BYTES = 16_384
"""The longest payload of a frame, unless SETTINGS allow more."""

Header = tuple[str, str]


@dataclass(slots=True)
class Answer:
    """What was received on one stream. Header names are in lower case; trailers replace headers of the same name."""

    headers: dict[str, str] = field(default_factory=dict)
    data: bytes = b""
    reset: int | None = None
    """The error code of RST_STREAM."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def status(self) -> int | None:
        """The grpc-status, or None without one."""
        return int(self.headers["grpc-status"]) if "grpc-status" in self.headers else None


def message(content: bytes, *, flag: int = 0, length: int | None = None) -> bytes:
    """A gRPC message with its prefix, which may be wrong."""
    return struct.pack(">BI", flag, len(content) if length is None else length) + content


class RawHttp2:
    """One connection. SETTINGS are acknowledged; nothing else is sent automatically."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._encoder = Encoder()
        self._decoder = Decoder()
        self._decoder.max_allowed_table_size = 1 << 20
        self._next_stream = 1
        self.answers: dict[int, Answer] = {}
        self.settings: dict[int, int] = {}
        self.frames_received = 0
        self.goaway: GoAwayFrame | None = None
        self.closed = asyncio.Event()
        self._news = asyncio.Condition()
        self._pongs: set[bytes] = set()
        self.acknowledge_settings = True
        self._receiving = asyncio.create_task(self._receive())

    async def send(self, *frames: Frame | bytes) -> None:
        """Send frames or bytes. Raises ConnectionError once the other side has closed."""
        self.write(*frames)
        await self._writer.drain()

    def write(self, *frames: Frame | bytes) -> None:
        """Send frames or bytes, without waiting for the peer to read."""
        self._writer.write(b"".join(frame if isinstance(frame, bytes) else frame.serialize() for frame in frames))

    async def greet(self, **settings: int) -> None:
        """Send the preface and a SETTINGS frame; settings are named as in SettingsFrame."""
        values = {getattr(SettingsFrame, name): value for name, value in settings.items()}
        await self.send(PREFACE, SettingsFrame(0, settings=values))

    def call(
        self,
        path: str,
        *,
        extra: Iterable[Header] = (),
        end: bool = False,
        content_type: str = "application/grpc",
        te: bool = True,
        without: str = "",
    ) -> HeadersFrame:
        """The HEADERS of a gRPC call on the next stream."""
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "lab"),
            *([("te", "trailers")] if te else []),
            *([("content-type", content_type)] if content_type else []),
            *extra,
        ]
        block = self._encoder.encode([header for header in headers if header[0] != without], huffman=False)
        frame = HeadersFrame(self._next_stream, block, flags=["END_HEADERS"])
        self.answers[frame.stream_id] = Answer()
        if end:
            frame.flags.add("END_STREAM")
        self._next_stream += 2
        return frame

    @staticmethod
    def split(headers: HeadersFrame) -> list[Frame]:
        """The frame, continued in CONTINUATION frames when it is too long for one."""
        block = headers.data
        rest: list[Frame] = [
            ContinuationFrame(headers.stream_id, block[at : at + FRAME_BYTES])
            for at in range(FRAME_BYTES, len(block), FRAME_BYTES)
        ]
        headers.data = block[:FRAME_BYTES]
        if rest:
            headers.flags.discard("END_HEADERS")
            rest[-1].flags.add("END_HEADERS")
        return [headers, *rest]

    async def ask(self, path: str, sent: bytes) -> Answer:
        """Send a complete call, and return its response."""
        headers = self.call(path)
        await self.send(headers, DataFrame(headers.stream_id, sent, flags=["END_STREAM"]))
        return await self.answer(headers.stream_id)

    def stop_reading(self) -> None:
        """Read nothing more from the connection."""
        self._receiving.cancel()
        transport = self._writer.transport
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()

    async def send_within(self, timeout_s: float, *frames: Frame) -> None:
        """Like `send`, while the peer reads. Raises TimeoutError when it does not."""
        async with asyncio.timeout(timeout_s):
            await self.send(*frames)

    async def answer(self, stream_id: int) -> Answer:
        """What was received on a stream, once the stream or the connection has ended."""
        answer = self.answers[stream_id]
        await self.until(lambda: answer.ended.is_set() or self.closed.is_set())
        return answer

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` is true."""
        async with asyncio.timeout(AMPLE_S), self._news:
            await self._news.wait_for(condition)

    async def ping(self, data: bytes = b"lab ping") -> None:
        """Send a PING and wait for its acknowledgement, after which everything sent before has been read."""
        self._pongs.discard(data)
        await self.send(PingFrame(0, data))
        await self.until(lambda: data in self._pongs or self.closed.is_set())

    def ping_without_yielding(self, data: bytes = b"lab held") -> None:
        """Like `ping`, while the event loop stands still. What has arrived stays there for it."""
        acknowledgement = PingFrame(0, data, flags=["ACK"]).serialize()
        self.write(PingFrame(0, data))
        with socket.socket(fileno=os.dup(self._writer.get_extra_info("socket").fileno())) as same:
            while True:
                assert select.select([same], [], [], AMPLE_S)[0], "the PING is not acknowledged"
                arrived = same.recv(1 << 16, socket.MSG_PEEK)
                assert arrived, "the connection was closed"
                if acknowledgement in arrived:
                    return

    async def end(self) -> None:
        """Abort the connection. gRPC's core does not respond to a TLS shutdown, so a close would wait."""
        self._receiving.cancel()
        self._writer.transport.abort()
        with suppress(asyncio.CancelledError):
            await self._receiving

    async def _receive(self) -> None:
        try:
            while True:
                head = await self._reader.readexactly(9)
                frame, length = Frame.parse_frame_header(memoryview(head))
                frame.parse_body(memoryview(await self._reader.readexactly(length)))
                await self._take(frame)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            self.closed.set()
            async with self._news:
                self._news.notify_all()

    async def _take(self, frame: Frame) -> None:
        self.frames_received += 1
        answer = self.answers.get(frame.stream_id)
        match frame:
            case SettingsFrame() if "ACK" not in frame.flags:
                self.settings.update(frame.settings)
                if self.acknowledge_settings:
                    await self.send(SettingsFrame(0, flags=["ACK"]))
            case PingFrame() if "ACK" in frame.flags:
                self._pongs.add(frame.opaque_data)
            case GoAwayFrame():
                self.goaway = frame
            case HeadersFrame() | ContinuationFrame() if answer is not None:
                assert "END_HEADERS" in frame.flags
                answer.headers |= {str(name): str(value) for name, value in self._decoder.decode(frame.data)}
            case DataFrame() if answer is not None:
                answer.data += frame.data
                await self.send(WindowUpdateFrame(0, window_increment=max(1, len(frame.data))))
            case RstStreamFrame() if answer is not None:
                answer.reset = frame.error_code
                answer.ended.set()
        if answer is not None and "END_STREAM" in frame.flags:
            answer.ended.set()
        async with self._news:
            self._news.notify_all()


@asynccontextmanager
async def raw_http2(address: str, ca: ssl.SSLContext | None = None) -> AsyncIterator[RawHttp2]:
    """A connection to an announced address, over TLS depending on its scheme. Nothing has been sent yet."""
    target = parse_target(address)
    reader, writer = await asyncio.open_connection(target.host, target.port, ssl=ca if target.tls else None)
    connection = RawHttp2(reader, writer)
    try:
        yield connection
    finally:
        await connection.end()
