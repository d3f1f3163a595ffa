"""No-op servers: `python -m bench.runner.noop_servers NAME`. They show how fast a load process can be.

Each answers every request with the same prepared bytes, one small recipe. They parse only what framing needs.
"""

import asyncio
import os
import struct
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Callable

import uvloop

from bench.protocols import PROTOCOLS, protocol
from producers import lifecycle

RECIPE_ID = 42
_JSON = b'{"id":%s,"name":"Toast","steps":"","ingredients":[]}'
_MESSAGE = b"\x08\x2a\x12\x05Toast"
"""recipe.Recipe with id 42 and the name Toast."""

_DATA, _HEADERS, _SETTINGS, _PING, _WINDOW_UPDATE = 0, 1, 4, 6, 8
_END_STREAM, _ACK, _END_HEADERS = 0x1, 0x1, 0x4
_PREFACE_BYTES = 24
_CREDIT_AT = 16_384
"""Bytes received after which the sender gets its flow-control window back."""


class Echo(asyncio.Protocol):
    """Sends back what it receives: the shortest possible round trip."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class Http1(asyncio.Protocol):
    """HTTP/1.1, the same response to every request."""

    def __init__(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.answer = head.encode() + body
        self.pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        data = self.pending + data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            head = data[:end].lower()
            start = head.find(b"content-length:")
            length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            if len(data) < end + 4 + length:
                break
            data = data[end + 4 + length :]
            self.transport.write(self.answer)
        self.pending = data


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


class GrpcHttp2(asyncio.Protocol):
    """gRPC over HTTP/2 (RFC 9113), the same response to every request, far smaller than any flow-control window."""

    def __init__(self, message: bytes) -> None:
        # HPACK (RFC 7541): :status 200 is entry 8, content-type is name 31, the rest literal and not indexed.
        self.head = b"\x88\x0f\x10\x10application/grpc"
        self.body = b"\x00" + struct.pack(">I", len(message)) + message
        self.trailers = b"\x00\x0bgrpc-status\x010"
        self.pending = b""
        self.received = 0
        self.begun = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.transport.write(_frame(_SETTINGS, 0, 0, b""))

    def data_received(self, data: bytes) -> None:
        data = self.pending + data
        if not self.begun:
            if len(data) < _PREFACE_BYTES:
                self.pending = data
                return
            data, self.begun = data[_PREFACE_BYTES:], True
        out = bytearray()
        while len(data) >= 9:
            length = int.from_bytes(data[:3], "big")
            if len(data) < 9 + length:
                break
            kind, flags = data[3], data[4]
            stream = int.from_bytes(data[5:9], "big") & 0x7FFFFFFF
            out += self._answer(kind, flags, stream, data[9 : 9 + length])
            data = data[9 + length :]
        self.pending = data
        if out:
            self.transport.write(bytes(out))

    def _answer(self, kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        out = b""
        if kind == _SETTINGS and not flags & _ACK:
            out = _frame(_SETTINGS, _ACK, 0, b"")
        elif kind == _PING and not flags & _ACK:
            out = _frame(_PING, _ACK, 0, payload)
        elif kind == _DATA:
            self.received += len(payload)
            if self.received >= _CREDIT_AT:
                out = _frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", self.received))
                self.received = 0
        if kind in (_DATA, _HEADERS) and flags & _END_STREAM:
            out += _frame(_HEADERS, _END_HEADERS, stream, self.head)
            out += _frame(_DATA, 0, stream, self.body)
            out += _frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, self.trailers)
        return out


def http() -> asyncio.Protocol:
    """JSON over HTTP/1.1."""
    return Http1(b'{"producer_pid":1,"recipe":' + _JSON % b"42" + b"}")


def graphql() -> asyncio.Protocol:
    """GraphQL over HTTP/1.1."""
    return Http1(b'{"data":{"recipe":' + _JSON % b'"42"' + b"}}")


def grpc() -> asyncio.Protocol:
    """gRPC over HTTP/2."""
    return GrpcHttp2(_MESSAGE)


ECHO = "echo"


def factory(name: str) -> Callable[[], asyncio.Protocol]:
    """What makes one connection of the server for a protocol, or of ECHO. Raises KeyError."""
    return Echo if name == ECHO else protocol(name).noop_server


async def serve(name: str) -> None:
    """Serve on a free port until asked to stop."""
    with lifecycle.stop_requested() as stop:
        server = await asyncio.get_running_loop().create_server(factory(name), "127.0.0.1", 0)
        lifecycle.announce([f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"], os.getpid())
        await stop()
        server.close()


def main() -> None:
    """Read the command line and serve."""
    parser = ArgumentParser(
        prog="python -m bench.runner.noop_servers",
        usage=SUPPRESS,
        description="Serve the same small recipe for every request, on a free port, until SIGTERM.",
    )
    names = (ECHO, *PROTOCOLS)
    parser.add_argument("name", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(given.name))


if __name__ == "__main__":
    main()
