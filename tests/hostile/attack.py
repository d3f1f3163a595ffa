"""What surrounds every attack: a normal client that must be served throughout, and bounds on memory and descriptors."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.hostile.table import PORTS, Case, case_name, record

AMPLE_S = 20.0
"""Timeout for everything that has to end."""
MEMORY_BOUND_BYTES = 48 << 20
"""The most by which an attack may raise the peak of the producer's resident memory."""


@dataclass
class Attacked:
    """A producer process under attack."""

    protocol: str
    process: psutil.Process
    answers: list[object] = field(default_factory=list, kw_only=True)
    """The responses to show in the table."""
    memory_bound_bytes: int = field(default=MEMORY_BOUND_BYTES, kw_only=True)
    """The most by which its memory may grow in this case."""

    def memory_bytes(self) -> int:
        """The resident memory now."""
        return int(self.process.memory_info().rss)

    def peak_bytes(self) -> int:
        """The peak of resident memory since `forget_peak` (VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024

    def forget_peak(self) -> None:
        """Reset the peak to the resident memory now."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", encoding="ascii")


@asynccontextmanager
async def under_attack(
    victim: Attacked, call: Callable[[], Awaitable[None]], *, case: str, port: int
) -> AsyncIterator[None]:
    """The body of the block is the attack.

    Meanwhile another client calls continuously, and `call` raises unless the response is correct. Afterwards that
    client is still served, memory has stayed within its bound, and every descriptor is closed. `case` is the name of
    the test and `port` the index in `PORTS`.
    """
    calls = 0

    async def call_all_the_time() -> None:
        nonlocal calls
        while True:
            await call()
            calls += 1
            await asyncio.sleep(0.02)

    await call()
    descriptors = victim.process.num_fds()
    victim.forget_peak()
    before_bytes, began_s = victim.memory_bytes(), time.monotonic()
    normal = asyncio.create_task(call_all_the_time())
    try:
        yield
    finally:
        took_s = time.monotonic() - began_s
        # An attack may end before the first normal call does.
        await until(lambda: calls > 0 or normal.done())
        normal.cancel()
        (outcome,) = await asyncio.gather(normal, return_exceptions=True)
    assert isinstance(outcome, asyncio.CancelledError), outcome
    await call()
    await until(lambda: victim.process.num_fds() <= descriptors)
    grown_bytes = victim.peak_bytes() - before_bytes
    assert grown_bytes <= victim.memory_bound_bytes
    answers = tuple(str(answer) for answer in victim.answers)
    assert answers, "the case has recorded no response"
    record(
        Case(
            victim.protocol,
            PORTS[port],
            case_name(case),
            answers,
            took_s,
            before_bytes,
            grown_bytes,
            victim.memory_bytes(),
        )
    )


async def until(condition: Callable[[], bool]) -> None:
    """Poll until `condition` holds. Raises TimeoutError."""
    async with asyncio.timeout(AMPLE_S):
        while not condition():  # noqa: ASYNC110 - what another process does sets no event here
            await asyncio.sleep(0.02)
