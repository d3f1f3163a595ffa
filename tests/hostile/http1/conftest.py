"""Producers over HTTP/1.1, each a separate process with short deadlines, plain and over TLS."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import product

import msgspec
import psutil
import pytest
import pytest_asyncio

from consumers.client import ClientSettings
from consumers.errors import ProducerUnreachable
from consumers.registry import client
from consumers.target import parse_target
from producers.certificates import CertificateFiles
from producers.settings import Limits
from tests.hostile import table
from tests.hostile.attack import AMPLE_S, Attacked, under_attack
from tests.hostile.table import PORTS
from tests.support.programs import Listening, listening

LIMITS = Limits(
    header_timeout_s=0.6, body_timeout_s=0.6, write_timeout_s=0.8, keep_alive_s=0.8, tls_handshake_timeout_s=0.6
)
PLACES = {
    "http": {},
    "graphql": {
        b"GET /recipes/42": b"GET /graphql?query=%7Bpid%7D",
        b"GET /recipes?page_size=63": (
            b"GET /graphql?query=%7Brecipes(first:63)%7Bedges%7Bnode%7Bname%20steps%7D%7D%7D%7D"
        ),
        b"POST /recipes": b"POST /graphql",
    },
}
"""For each protocol, the path that replaces a recipe's path."""


@dataclass
class Victim(Attacked):
    """The producer under attack."""

    address: str
    tls: ssl.SSLContext | None

    @property
    def place(self) -> tuple[str, int]:
        """Its host and port."""
        target = parse_target(self.address)
        return target.host, target.port

    def aimed(self, sent: bytes) -> bytes:
        """The request, with the path that this producer serves."""
        for recipes, place in PLACES[self.protocol].items():
            sent = sent.replace(recipes, place)
        return sent

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to it, over TLS on the TLS port."""
        return await asyncio.open_connection(*self.place, ssl=self.tls)

    async def all_of(self, *parts: bytes) -> bytes:
        """Everything that it sends in response to these bytes until it closes. Raises TimeoutError."""
        async with asyncio.timeout(AMPLE_S):
            reader, writer = await self.connect()
            try:
                for part in parts:
                    writer.write(self.aimed(part))
                    await writer.drain()
                return await reader.read()
            except ConnectionError:
                # It closed while bytes were in transit, and the reset discarded its response.
                return b""
            finally:
                await close(writer)

    async def status(self, *parts: bytes) -> int:
        """The status of the only response before it closes; 0 without a response."""
        said = await self.all_of(*parts)
        assert said.count(b"HTTP/1.") <= 1, "one response only; the smuggled request was not answered"
        return int(said.split()[1]) if said else 0


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection, ignoring its errors."""
    writer.close()
    with suppress(ConnectionError, ssl.SSLError, TimeoutError):
        await writer.wait_closed()


def limited(protocol: str, files: CertificateFiles) -> Iterator[Listening]:
    limits = msgspec.json.encode(LIMITS).decode()
    with listening("tests.support.limited_producer", protocol, str(files.directory), limits, ports=2) as running:
        yield running
        assert running.end() == 0
        assert running.process.stderr is not None
        said = running.process.stderr.read()
        assert "Traceback" not in said, said


@pytest.fixture(scope="session")
def http_producer(own_certificates: CertificateFiles) -> Iterator[Listening]:
    yield from limited("http", own_certificates)


@pytest.fixture(scope="session")
def graphql_producer(own_certificates: CertificateFiles) -> Iterator[Listening]:
    yield from limited("graphql", own_certificates)


@pytest_asyncio.fixture
async def victim(
    protocol: str, port: int, own_certificates: CertificateFiles, request: pytest.FixtureRequest
) -> AsyncIterator[Victim]:
    """The producer on one of its ports, with a normal client beside the attack."""
    running: Listening = request.getfixturevalue(f"{protocol}_producer")
    address = running.addresses[port]
    context = ssl.create_default_context(cafile=own_certificates.ca) if parse_target(address).tls else None
    attacked = Victim(protocol, psutil.Process(running.process.pid), address, context)
    settings = ClientSettings(target=parse_target(running.addresses[0]), timeout_s=AMPLE_S)
    async with client(protocol, settings) as consumer:
        last_s = time.monotonic()

        async def call() -> None:
            nonlocal last_s
            before_s, last_s = last_s, time.monotonic()
            try:
                answered = await consumer.pid()
            except ProducerUnreachable:
                # On a busy machine it may have been idle for so long that the producer closed it meanwhile.
                if last_s - before_s < LIMITS.keep_alive_s:
                    raise
                answered = await consumer.pid()
            assert answered == attacked.process.pid

        async with under_attack(attacked, call, case=request.node.name, port=port):
            yield attacked


def ports_of(*protocols: str) -> pytest.MarkDecorator:
    """Run the test against each of these producers, on alternating ports; for the table, on each of their ports.

    All of them use the same HTTP/1.1 and TLS server, so each port is attacked once.
    """
    numbers = range(len(PORTS))
    every = [
        (protocol, port)
        for (place, protocol), port in product(enumerate(protocols), numbers)
        if table.is_wanted() or port == place % len(PORTS)
    ]
    ids = [f"{protocol}-{PORTS[port]}" for protocol, port in every]
    return pytest.mark.parametrize(("protocol", "port"), every, ids=ids)
