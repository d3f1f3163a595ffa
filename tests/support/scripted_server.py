"""A server that runs a script on each connection, whatever the protocol."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Peer = TypeVar("Peer")

Script = Callable[[Any], Awaitable[None]]
"""Runs on each connection, with a peer as its argument. The connection is closed when it ends."""
MakePeer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]
"""Makes what a script reads from and writes to."""


@dataclass(slots=True)
class Running(Generic[Peer]):
    """A server."""

    port: int = 0
    peers: list[Peer] = field(default_factory=list)
    """Of the connections accepted so far, in order."""
    failures: list[BaseException] = field(default_factory=list)
    """What went wrong in a script."""


@asynccontextmanager
async def running(
    *scripts: Callable[[Peer], Awaitable[None]],
    peer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Peer],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Running[Peer]]:
    """A server that runs the first script on the first connection, and so on; the last one on all later ones.

    What a script raises, other than the connection's end, is raised at the end of the block.
    """
    server: Running[Peer] = Running()
    tasks: set[asyncio.Task[None]] = set()

    async def converse(script: Callable[[Peer], Awaitable[None]], made: Peer, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await script(made)
                await writer.drain()
        except Exception as error:
            server.failures.append(error)
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made = peer(reader, writer)
        server.peers.append(made)
        script = scripts[min(len(server.peers), len(scripts)) - 1]
        tasks.add(asyncio.ensure_future(converse(script, made, writer)))

    listening = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
    if server.failures:
        raise server.failures[0]
