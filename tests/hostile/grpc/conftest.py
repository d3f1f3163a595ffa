"""Two gRPC producers as separate processes with short deadlines, plain and over TLS: one whose core accepts
connections itself, and one with strict calls, behind a filter."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import grpc
import msgspec
import psutil
import pytest
import pytest_asyncio

from consumers.target import parse_target
from producers.certificates import CertificateFiles
from producers.settings import CallLimits, Limits
from protos import recipe_pb2 as messages
from protos.recipe_pb2_grpc import RecipeServiceStub
from tests.hostile import table
from tests.hostile.attack import AMPLE_S, Attacked, under_attack
from tests.hostile.table import PORTS, STRICT
from tests.support.books import CHICKEN
from tests.support.programs import Listening, listening
from tests.support.raw_http2 import RawHttp2, raw_http2

LIMITS = Limits(body_timeout_s=1.5, calls=CallLimits(handshake_timeout_s=1.5))
"""Short enough to wait for, and longer than a busy machine delays the message of the normal client."""


@dataclass
class Victim(Attacked):
    """The producer under attack."""

    address: str
    tls: ssl.SSLContext
    strict: bool
    """Whether it is behind a filter."""

    def connect(self) -> AbstractAsyncContextManager[RawHttp2]:
        """An HTTP/2 connection to it, on which nothing has been sent yet."""
        return raw_http2(self.address, self.tls)

    async def socket(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A TCP connection to it, without TLS on either port."""
        return await asyncio.open_connection(*self.place())

    def place(self) -> tuple[str, int]:
        """Its host and port."""
        target = parse_target(self.address)
        return target.host, target.port


def serving(own_certificates: CertificateFiles, *more: str) -> Iterator[Listening]:
    """A producer that must exit with 0 at the end."""
    limits = msgspec.json.encode(LIMITS).decode()
    with listening(
        "tests.support.limited_producer", "grpc", str(own_certificates.directory), limits, *more, ports=2
    ) as running:
        yield running
        assert running.end() == 0
        assert running.process.stderr is not None
        assert "Traceback" not in running.process.stderr.read()


@pytest.fixture(scope="session")
def producer(own_certificates: CertificateFiles) -> Iterator[Listening]:
    yield from serving(own_certificates)


@pytest.fixture(scope="session")
def strict_producer(own_certificates: CertificateFiles) -> Iterator[Listening]:
    yield from serving(own_certificates, "strict")


VICTIMS = {
    f"{strictness}{port}": (strictness != "", number)
    for strictness in ("", STRICT)
    for number, port in enumerate(PORTS)
}
"""By the name of a test's parameter: whether calls are strict, and the index of the port."""
CONTENT_VICTIMS = tuple(VICTIMS) if table.is_wanted() else ("plain", "strict-tls")
"""For cases about the content of calls: the core without TLS, and the filter with TLS."""

on_every_port = pytest.mark.parametrize("victim", VICTIMS, indirect=True)
"""For cases about the connection itself, or about what is buffered for it."""
on_strict_ports = pytest.mark.parametrize("victim", ["strict-plain", "strict-tls"], indirect=True)
on_tls_ports = pytest.mark.parametrize("victim", ["tls", "strict-tls"], indirect=True)


@pytest_asyncio.fixture(params=CONTENT_VICTIMS)
async def victim(own_certificates: CertificateFiles, request: pytest.FixtureRequest) -> AsyncIterator[Victim]:
    """A producer on one of its ports, with a normal client beside the attack."""
    context = ssl.create_default_context(cafile=own_certificates.ca)
    context.set_alpn_protocols(["h2"])
    strict, port = VICTIMS[request.param]
    producer: Listening = request.getfixturevalue("strict_producer" if strict else "producer")
    process = psutil.Process(producer.process.pid)
    attacked = Victim("grpc, strict" if strict else "grpc", process, producer.addresses[port], context, strict)
    async with grpc.aio.insecure_channel(producer.addresses[0].removeprefix("grpc://")) as channel:
        stub = RecipeServiceStub(channel)

        async def call() -> None:
            answer = await stub.GetRecipe(messages.RecipeRequest(id=42), timeout=AMPLE_S)
            assert answer.name == CHICKEN.name

        async with under_attack(attacked, call, case=request.node.name, port=port):
            yield attacked
