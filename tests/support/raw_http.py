"""Raw HTTP: send bytes over a socket and parse the response; and a server that responds with given bytes."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

AMPLE_S = 10.0
"""Within this, every answer has to be complete."""


@dataclass(frozen=True)
class RawAnswer:
    """One response as it was received. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        """The body as JSON, inflated if it is gzip."""
        compressed = self.headers.get("content-encoding") == "gzip"
        return msgspec.json.decode(zlib.decompress(self.content, 31) if compressed else self.content)


async def exchange(address: str, sent: bytes) -> RawAnswer:
    """Send bytes to the host of `address` and read one response, until its end or that of the connection."""
    answer, *_ = await exchange_all(address, sent, count=1)
    return answer


async def exchange_all(address: str, sent: bytes, count: int) -> list[RawAnswer]:
    """The same for `count` responses, on one connection."""
    target = urlsplit(address)
    async with asyncio.timeout(AMPLE_S):
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
        try:
            writer.write(sent)
            head_only = sent.startswith(b"HEAD ")
            return [await _read(reader, head_only=head_only) for _ in range(count)]
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def _read(reader: asyncio.StreamReader, *, head_only: bool) -> RawAnswer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status_line, *lines = head.rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = 0 if head_only else int(headers.get("content-length", "0"))
    return RawAnswer(int(status_line.split()[1]), headers, await reader.readexactly(length))


async def request(
    address: str,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> RawAnswer:
    """Send one request with correct framing and any content."""
    all_headers = {"Host": "lab", **(headers or {})}
    if body is not None and "Content-Length" not in all_headers:
        all_headers["Content-Length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in all_headers.items())]
    return await exchange(address, "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))


@asynccontextmanager
async def answering(content: bytes | None, *, hold: bool = False) -> AsyncIterator[int]:
    """A server that reads once from a connection, responds with `content`, and closes it or holds it open.

    With None it closes without a response. Yields its port.
    """
    connections: list[asyncio.StreamWriter] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        with suppress(ConnectionError):
            await reader.read(1 << 16)
            if content is not None:
                writer.write(content)
                await writer.drain()
            if not hold:
                writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in connections:
            connection.close()


def response(
    body: bytes, status: int = 200, media_type: str = "application/json", headers: Mapping[str, str] | None = None
) -> bytes:
    """The bytes of a complete response."""
    lines = [f"HTTP/1.1 {status} Status", f"Content-Type: {media_type}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
