"""A gRPC producer in a process of its own, an honest caller beside every attack, and a look at what the attack cost.

With HOSTILE_TABLE=FILE in the environment, every case is written there as a line of a Markdown table.
"""

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import msgspec
import psutil
import pytest
import pytest_asyncio

from consumers.target import parse_target
from producers import certificates
from producers.certificates import CertificateFiles
from producers.settings import CallLimits, Limits
from protos import recipe_pb2 as messages
from protos.recipe_pb2_grpc import RecipeServiceStub
from tests.support.books import CHICKEN
from tests.support.programs import Listening, listening
from tests.support.raw_http2 import AMPLE_S, RawHttp2, raw_http2

LIMITS = Limits(body_timeout_s=0.6, calls=CallLimits(handshake_timeout_s=1.5))
MEMORY_BOUND_BYTES = 48 << 20
"""No attack may make the producer's resident memory grow by more than this at its peak."""


@dataclass
class Victim:
    """The producer under attack."""

    address: str
    process: psutil.Process
    tls: ssl.SSLContext
    answers: list[object] = field(default_factory=list)
    """What the case wants to have in the table."""

    def connect(self) -> AbstractAsyncContextManager[RawHttp2]:
        """An HTTP/2 connection to it, on which nothing is sent yet."""
        return raw_http2(self.address, self.tls)

    async def socket(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A TCP connection to it, without TLS whatever the port."""
        return await asyncio.open_connection(*self.place())

    def place(self) -> tuple[str, int]:
        """Its host and port."""
        target = parse_target(self.address)
        return target.host, target.port

    def memory_bytes(self) -> int:
        """Resident now."""
        return int(self.process.memory_info().rss)

    def peak_bytes(self) -> int:
        """Resident at most since `forget_peak` (VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024

    def forget_peak(self) -> None:
        """The peak is what is resident now."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", encoding="ascii")


@pytest.fixture(scope="session")
def own_certificates(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    return certificates.write(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def producer(own_certificates: CertificateFiles) -> Iterator[Listening]:
    limits = msgspec.json.encode(LIMITS).decode()
    with listening(
        "tests.support.limited_producer", "grpc", str(own_certificates.directory), limits, ports=2
    ) as running:
        yield running
        assert running.end() == 0
        assert running.process.stderr is not None
        assert "Traceback" not in running.process.stderr.read()


@pytest_asyncio.fixture(params=[0, 1], ids=["plain", "tls"])
async def victim(
    producer: Listening, own_certificates: CertificateFiles, request: pytest.FixtureRequest
) -> AsyncIterator[Victim]:
    """The producer on one of its ports.

    During the case somebody else calls it all the time, and is always answered; after it, memory has stayed within its
    bound and every descriptor is closed.
    """
    context = ssl.create_default_context(cafile=own_certificates.ca)
    context.set_alpn_protocols(["h2"])
    attacked = Victim(producer.addresses[int(request.param)], psutil.Process(producer.process.pid), context)
    async with grpc.aio.insecure_channel(producer.addresses[0].removeprefix("grpc://")) as channel:
        stub = RecipeServiceStub(channel)

        async def call() -> None:
            answer = await stub.GetRecipe(messages.RecipeRequest(id=42), timeout=AMPLE_S)
            assert answer.name == CHICKEN.name

        async def call_all_the_time() -> None:
            while True:
                await call()
                await asyncio.sleep(0.005)

        await call()
        descriptors = attacked.process.num_fds()
        attacked.forget_peak()
        before_bytes, began_s = attacked.memory_bytes(), time.monotonic()
        honest = asyncio.create_task(call_all_the_time())
        try:
            yield attacked
        finally:
            took_s = time.monotonic() - began_s
            honest.cancel()
            (outcome,) = await asyncio.gather(honest, return_exceptions=True)
        assert isinstance(outcome, asyncio.CancelledError), outcome
        await call()
        await until(lambda: attacked.process.num_fds() <= descriptors)
        grown_bytes = attacked.peak_bytes() - before_bytes
        assert grown_bytes <= MEMORY_BOUND_BYTES
        _tell(request.node.name, attacked, took_s, before_bytes, grown_bytes)


async def until(condition: Callable[[], bool]) -> None:
    """Look again and again until `condition` holds. Raises TimeoutError."""
    async with asyncio.timeout(AMPLE_S):
        while not condition():  # noqa: ASYNC110 - what another process does sets no event here
            await asyncio.sleep(0.02)


def _tell(case: str, attacked: Victim, took_s: float, before_bytes: int, grown_bytes: int) -> None:
    if path := os.environ.get("HOSTILE_TABLE"):
        answers = "; ".join(str(answer) for answer in attacked.answers) or "-"
        mib = (before_bytes / 2**20, grown_bytes / 2**20)
        with Path(path).open("a", encoding="utf-8") as table:
            table.write(f"| {case} | {answers} | {took_s:.2f} | {mib[0]:.0f} | {mib[1]:.1f} |\n")
