"""Single requests through the raw client, and waiting for their result."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bench.clients.base import LoopClient
from bench.clients.raw import AnyRequest, RawClient
from bench.workloads import GetQuestion
from consumers.client import ClientSettings
from consumers.target import Target

AMPLE_S = 10.0
"""Timeout by which every request has ended."""


@asynccontextmanager
async def raw_client(
    protocol: str,
    port: int,
    *,
    host: str = "127.0.0.1",
    gzip: bool = False,
    ca: Path | None = None,
    tls: bool = False,
    timeout_s: float = 5.0,
) -> AsyncIterator[RawClient]:
    """An open raw client of the server on that port."""
    target = Target(host, port, tls)
    client = RawClient(protocol, ClientSettings(target=target, gzip=gzip, ca=ca, timeout_s=timeout_s))
    await client.open()
    try:
        yield client
    finally:
        await client.close()


def request_for(client: RawClient, recipe_id: int = 1) -> AnyRequest:
    """A request for one recipe whose content is not known in advance."""
    (request,) = client.requests([GetQuestion(recipe_id, None)])
    return request


async def failure_of(client: LoopClient, request: AnyRequest) -> Exception | None:
    """Send the request as the loops do; return its failure, or None for a correct response."""
    ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def on_end(sent_ns: int, done_ns: int, failure: Exception | None) -> None:
        assert 0 < sent_ns <= done_ns
        ended.set_result(failure)

    client.begin(request, on_end)
    assert not ended.done(), "the request ended before it was sent"
    async with asyncio.timeout(AMPLE_S):
        return await ended


def open_descriptors() -> int:
    """The number of open file descriptors of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def until(came_true: Callable[[], bool]) -> None:
    """Wait until the condition is true. Raises TimeoutError."""
    async with asyncio.timeout(AMPLE_S):
        while not came_true():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)
