"""A gRPC producer in a process of its own with limits that need no patience, plain and over TLS."""

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
from producers import certificates
from producers.certificates import CertificateFiles
from producers.settings import CallLimits, Limits
from protos import recipe_pb2 as messages
from protos.recipe_pb2_grpc import RecipeServiceStub
from tests.hostile.attack import AMPLE_S, Attacked, under_attack
from tests.hostile.table import PORTS
from tests.support.books import CHICKEN
from tests.support.programs import Listening, listening
from tests.support.raw_http2 import RawHttp2, raw_http2

LIMITS = Limits(body_timeout_s=0.6, calls=CallLimits(handshake_timeout_s=1.5))


@dataclass
class Victim(Attacked):
    """The producer under attack."""

    address: str
    tls: ssl.SSLContext

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


@pytest_asyncio.fixture(params=range(len(PORTS)), ids=PORTS)
async def victim(
    producer: Listening, own_certificates: CertificateFiles, request: pytest.FixtureRequest
) -> AsyncIterator[Victim]:
    """The producer on one of its ports, with an honest caller beside the attack."""
    context = ssl.create_default_context(cafile=own_certificates.ca)
    context.set_alpn_protocols(["h2"])
    port = int(request.param)
    attacked = Victim("grpc", psutil.Process(producer.process.pid), producer.addresses[port], context)
    async with grpc.aio.insecure_channel(producer.addresses[0].removeprefix("grpc://")) as channel:
        stub = RecipeServiceStub(channel)

        async def call() -> None:
            answer = await stub.GetRecipe(messages.RecipeRequest(id=42), timeout=AMPLE_S)
            assert answer.name == CHICKEN.name

        async with under_attack(attacked, call, case=request.node.name, port=port):
            yield attacked
