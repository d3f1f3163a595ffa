"""Servers that behave in unusual ways, and what every client makes of each.

A behaviour is declared once, in odd_http1.py or odd_grpc.py. The contract test runs it with every client
(tests/contract/test_odd_servers.py), and docs/clients.md has them in tables (odd_clients.py).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from consumers.errors import ConsumerError, UnexpectedResponse

REQUESTS = 3
"""How many requests a client sends to each server, one after the other."""

Script = Callable[[Any], Awaitable[None]]
"""Runs on each connection, with a peer as its argument. The connection is closed when it ends."""
MakePeer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]
"""Makes what a script reads from and writes to."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that fails, in the same words for every client."""

    text: str
    """What follows the address in the error."""
    kind: type[ConsumerError] = UnexpectedResponse


@dataclass(frozen=True, slots=True)
class Tls:
    """How a server speaks TLS."""

    version: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
    """The only one that it offers."""
    alpn: Sequence[str] = ()
    spoken: bool = True
    """False: it does not speak TLS at all, though the client does."""

    def context(self, certificate: Path, key: Path) -> ssl.SSLContext | None:
        """The server's context."""
        if not self.spoken:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = self.version
        context.load_cert_chain(certificate, key)
        if self.alpn:
            context.set_alpn_protocols(list(self.alpn))
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What a server does, and what becomes of the requests that it gets."""

    does: str
    rule: str
    """What decides: a section of a standard, or what a client library can do."""
    script: Script
    refused: Refusal | None = None
    """Why each request fails. None: its response is accepted."""
    fails: Sequence[int] = range(REQUESTS)
    """Which requests fail."""
    connections: int | None = 1
    """How many connections a client opens for the requests. None: clients may differ, because each request fails."""
    gzip: bool = False
    """Whether the client requests gzip."""
    at_once: bool = False
    """Whether it matters that everything that is written together arrives together."""
    closes_idle: bool = False
    """Whether the next request is sent once the client has seen that its connection was closed."""
    tls: Tls | None = None
    """What becomes of the client's TLS. None: it uses none."""
    library_differs: Refusal | str | None = None
    """What the client library makes of it instead, where it cannot do what is right. A text: it accepts, and why."""

    def __str__(self) -> str:
        return self.does

    def expected(self, client: str, number: int) -> Refusal | None:
        """What becomes of a request with this client."""
        if client == "library" and self.library_differs is not None:
            return self.library_differs if isinstance(self.library_differs, Refusal) else None
        return self.refused if number in self.fails else None


@dataclass(slots=True)
class Running:
    """A server."""

    port: int = 0
    connections: int = 0
    """Accepted so far."""
    failures: list[BaseException] = field(default_factory=list)
    """What went wrong in a script."""


@asynccontextmanager
async def running(script: Script, peer: MakePeer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Running]:
    """A server that runs the script on each connection. What a script raises is raised at the end of the block."""
    server = Running()
    tasks: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await script(peer(reader, writer))
                await writer.drain()
        except Exception as error:
            server.failures.append(error)
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        tasks.add(asyncio.ensure_future(converse(reader, writer)))

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


def table(groups: Mapping[str, Sequence[Behaviour]]) -> str:
    """The behaviours in Markdown, a section for each group."""
    lines: list[str] = []
    for title, behaviours in groups.items():
        lines += [f"### {title}", "", "| a server that | is | because of |", "|---|---|---|"]
        lines += [f"| {each.does} | {_outcome(each)} | {each.rule} |" for each in behaviours]
        lines.append("")
    return "\n".join(lines)


def _outcome(behaviour: Behaviour) -> str:
    if behaviour.refused is None:
        said = "accepted"
    else:
        which = "" if len(behaviour.fails) == REQUESTS else "for that request, "
        said = f"refused: {which}{behaviour.refused.text}"
    match behaviour.library_differs:
        case None:
            return said
        case Refusal(text):
            return f"{said}. Library client: {text}"
        case str(why):
            return f"{said}. Library client: accepted, {why}"
