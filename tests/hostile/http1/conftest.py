"""A producer over HTTP/1.1 in a process of its own, an honest caller beside every attack, and what the attack cost.

With HOSTILE_TABLE=FILE in the environment, every case is written there as a line of a Markdown table.
"""

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psutil
import pytest
import pytest_asyncio

from consumers.client import ClientSettings
from consumers.registry import client
from consumers.target import parse_target
from producers import certificates
from producers.certificates import CertificateFiles
from producers.settings import Limits
from tests.support.programs import Listening, listening

AMPLE_S = 20.0
"""Within this, whatever has to end has ended."""
LIMITS = Limits(
    header_timeout_s=0.6, body_timeout_s=0.6, write_timeout_s=0.8, keep_alive_s=0.8, tls_handshake_timeout_s=0.6
)
MEMORY_BOUND_BYTES = 48 << 20
"""No attack may make the producer's resident memory grow by more than this at its peak."""


@dataclass
class Victim:
    """The producer under attack."""

    protocol: str
    address: str
    process: psutil.Process
    tls: ssl.SSLContext | None
    answers: list[object] = field(default_factory=list)
    """What the case wants to have in the table."""

    @property
    def place(self) -> tuple[str, int]:
        """Its host and port."""
        target = parse_target(self.address)
        return target.host, target.port

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to it, over TLS on the port that speaks it."""
        return await asyncio.open_connection(*self.place, ssl=self.tls)

    async def all_of(self, *parts: bytes) -> bytes:
        """Everything that it says to these bytes until it closes. Raises TimeoutError when it does not."""
        async with asyncio.timeout(AMPLE_S):
            reader, writer = await self.connect()
            try:
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                return await reader.read()
            except ConnectionError:
                # It closed while bytes were on their way to it, and what it said went with them.
                return b""
            finally:
                await close(writer)

    async def status(self, *parts: bytes) -> int:
        """The status of the one answer before it closes; 0 when there is none."""
        said = await self.all_of(*parts)
        assert said.count(b"HTTP/1.") <= 1, "one answer, whatever was smuggled"
        return int(said.split()[1]) if said else 0

    def peak_bytes(self) -> int:
        """Resident at most since `forget_peak` (VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024

    def forget_peak(self) -> None:
        """The peak is what is resident now."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", encoding="ascii")


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection, however it fares."""
    writer.close()
    with suppress(ConnectionError, ssl.SSLError, TimeoutError):
        await writer.wait_closed()


@pytest.fixture(scope="session")
def own_certificates(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    return certificates.write(tmp_path_factory.mktemp("certificates"))


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


async def attacked(
    protocol: str, running: Listening, files: CertificateFiles, request: pytest.FixtureRequest
) -> AsyncIterator[Victim]:
    """The producer on one of its ports.

    During the case somebody else calls it all the time, and is always answered; after it, memory has stayed within its
    bound and every descriptor is closed.
    """
    plain, encrypted = running.addresses
    over_tls = bool(request.param)
    context = ssl.create_default_context(cafile=files.ca) if over_tls else None
    victim = Victim(protocol, encrypted if over_tls else plain, psutil.Process(running.process.pid), context)
    async with client(protocol, ClientSettings(target=parse_target(plain), timeout_s=AMPLE_S)) as consumer:
        calls = 0

        async def call_all_the_time() -> None:
            nonlocal calls
            while True:
                assert await consumer.pid() == victim.process.pid
                calls += 1
                await asyncio.sleep(0.005)

        await consumer.pid()
        descriptors = victim.process.num_fds()
        victim.forget_peak()
        before_bytes, began_s = victim.process.memory_info().rss, time.monotonic()
        honest = asyncio.create_task(call_all_the_time())
        try:
            yield victim
        finally:
            took_s = time.monotonic() - began_s
            honest.cancel()
            (outcome,) = await asyncio.gather(honest, return_exceptions=True)
        assert isinstance(outcome, asyncio.CancelledError), outcome
        assert calls > 0
        assert await consumer.pid() == victim.process.pid
        await until(lambda: victim.process.num_fds() <= descriptors)
        grown_bytes = victim.peak_bytes() - before_bytes
        assert grown_bytes <= MEMORY_BOUND_BYTES
        _tell(request.node.name, victim, took_s, before_bytes, grown_bytes)


@pytest_asyncio.fixture(params=[0, 1], ids=["plain", "tls"])
async def http_victim(
    http_producer: Listening, own_certificates: CertificateFiles, request: pytest.FixtureRequest
) -> AsyncIterator[Victim]:
    async for victim in attacked("http", http_producer, own_certificates, request):
        yield victim


@pytest_asyncio.fixture(params=[0, 1], ids=["plain", "tls"])
async def graphql_victim(
    graphql_producer: Listening, own_certificates: CertificateFiles, request: pytest.FixtureRequest
) -> AsyncIterator[Victim]:
    async for victim in attacked("graphql", graphql_producer, own_certificates, request):
        yield victim


async def until(condition: Callable[[], bool]) -> None:
    """Look again and again until `condition` holds. Raises TimeoutError."""
    async with asyncio.timeout(AMPLE_S):
        while not condition():  # noqa: ASYNC110 - what another process does sets no event here
            await asyncio.sleep(0.02)


def _tell(case: str, victim: Victim, took_s: float, before_bytes: int, grown_bytes: int) -> None:
    if path := os.environ.get("HOSTILE_TABLE"):
        answers = "; ".join(str(answer) for answer in victim.answers) or "-"
        mib = (before_bytes / 2**20, grown_bytes / 2**20)
        with Path(path).open("a", encoding="utf-8") as table:
            table.write(f"| {case} | {answers} | {took_s:.2f} | {mib[0]:.0f} | {mib[1]:.1f} |\n")
