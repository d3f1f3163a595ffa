"""Whether requests get through a front: one health check of its producers, sent by way of it."""

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path

from hpack.exceptions import HPACKError
from hpack.hpack import Decoder
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import Frame, HeadersFrame

from bench.fronts import grpc_check
from bench.protocols import HEALTH_PATH, Protocol
from consumers.target import Target

FROM_FRONT = frozenset((502, 503, 504))
"""Statuses with which a front answers for producers that it cannot reach."""
UNAVAILABLE = "14"
"""The status of gRPC with which a front answers for them."""
FRAME_HEAD_BYTES = 9


async def forwards(target: Target, protocol: Protocol, ca: Path | None, timeout_s: float) -> bool:
    """Whether a producer behind this address answers a health check in time, whatever it says. Raises OSError."""
    context = None
    if target.tls:
        context = ssl.create_default_context(cafile=ca)
        context.set_alpn_protocols(["h2" if protocol.http2 else "http/1.1"])
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(target.host, target.port, ssl=context)
            try:
                writer.write(_request(protocol, target))
                return await (_call_answered if protocol.health == "grpc" else _request_answered)(reader)
            finally:
                writer.transport.abort()
    except (TimeoutError, asyncio.IncompleteReadError, HyperframeError, HPACKError):
        return False


def _request(protocol: Protocol, target: Target) -> bytes:
    if protocol.health == "grpc":
        return grpc_check.request(target.authority)
    return f"GET {HEALTH_PATH} HTTP/1.1\r\nHost: {target.authority}\r\nConnection: close\r\n\r\n".encode()


async def _request_answered(reader: asyncio.StreamReader) -> bool:
    words = (await reader.readuntil(b"\r\n")).split()
    with suppress(ValueError):
        return len(words) > 1 and words[0].startswith(b"HTTP/1.") and int(words[1]) not in FROM_FRONT
    return False


async def _call_answered(reader: asyncio.StreamReader) -> bool:
    """Whether the first header section of the response is not of a front."""
    decoder = Decoder()
    while True:
        frame, length = Frame.parse_frame_header(memoryview(await reader.readexactly(FRAME_HEAD_BYTES)))
        body = await reader.readexactly(length)
        if isinstance(frame, HeadersFrame) and frame.stream_id == grpc_check.STREAM:
            frame.parse_body(memoryview(body))
            fields = {str(name): str(value) for name, value in decoder.decode(frame.data)}
            return fields.get(":status") == "200" and fields.get("grpc-status") != UNAVAILABLE
