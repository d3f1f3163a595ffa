"""Driving a server by hand: one request, and how it ended."""

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
"""Within this, every request has ended, whatever the server does."""


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
    """An open client of what listens on that port."""
    target = Target(host, port, tls)
    client = RawClient(protocol, ClientSettings(target=target, gzip=gzip, ca=ca, timeout_s=timeout_s))
    await client.open()
    try:
        yield client
    finally:
        await client.close()


def asking(client: RawClient, recipe_id: int = 1) -> AnyRequest:
    """A request for one recipe, of which only the id is known."""
    (request,) = client.requests([GetQuestion(recipe_id, None)])
    return request


async def end_of(client: LoopClient, request: AnyRequest) -> Exception | None:
    """Send it as loops do; what went wrong, None for the right answer. Fails when it does not end."""
    ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def on_end(sent_ns: int, done_ns: int, failure: Exception | None) -> None:
        assert 0 < sent_ns <= done_ns
        ended.set_result(failure)

    client.begin(request, on_end)
    assert not ended.done(), "a request has ended before it was sent"
    async with asyncio.timeout(AMPLE_S):
        return await ended


def open_descriptors() -> int:
    """How many files and sockets this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def until(came_true: Callable[[], bool]) -> None:
    """Wait for something that the other end brings about. Fails when it does not come true."""
    async with asyncio.timeout(AMPLE_S):
        while not came_true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)
