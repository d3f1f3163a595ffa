"""A relay between a client and a producer that records the bytes in each direction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Relay:
    """The bytes relayed over all connections, and the port of the relay."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.sent = bytearray()
        self.received = bytearray()


@asynccontextmanager
async def relay_to(host: str, port: int) -> AsyncIterator[Relay]:
    """Relay every connection on a free port of 127.0.0.1 to `host`:`port`, until the end of the block."""
    relay = Relay()
    conversations: set[asyncio.Task[None]] = set()

    async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter, kept: bytearray) -> None:
        try:
            with suppress(ConnectionError):
                while data := await source.read(1 << 16):
                    kept += data
                    sink.write(data)
                    await sink.drain()
        finally:
            sink.close()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward_reader, onward_writer = await asyncio.open_connection(host, port)
        async with asyncio.TaskGroup() as both:
            both.create_task(pass_on(reader, onward_writer, relay.sent))
            both.create_task(pass_on(onward_reader, writer, relay.received))

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relay.connections += 1
        conversations.add(asyncio.ensure_future(converse(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        for conversation in conversations:
            conversation.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)
