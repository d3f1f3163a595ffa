"""What stands around every attack: an honest caller who is served all the time, and bounds on what it may cost."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.hostile.table import PORTS, Case, case_name, record

AMPLE_S = 20.0
"""Within this, whatever has to end has ended."""
MEMORY_BOUND_BYTES = 48 << 20
"""No attack may make the producer's resident memory grow by more than this at its peak."""


@dataclass
class Attacked:
    """A producer process under attack."""

    protocol: str
    process: psutil.Process
    answers: list[object] = field(default_factory=list, kw_only=True)
    """What the case wants to have in the table."""
    memory_bound_bytes: int = field(default=MEMORY_BOUND_BYTES, kw_only=True)
    """How far its memory may grow in this case."""

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


@asynccontextmanager
async def under_attack(
    victim: Attacked, call: Callable[[], Awaitable[None]], *, case: str, port: int
) -> AsyncIterator[None]:
    """The attack is what happens inside.

    Meanwhile somebody else calls all the time, and `call` raises unless that is answered rightly; afterwards the same
    caller still is, memory has stayed within its bound, and every descriptor is closed. `case` is the name of the test
    and `port` its place in `PORTS`.
    """
    calls = 0

    async def call_all_the_time() -> None:
        nonlocal calls
        while True:
            await call()
            calls += 1
            await asyncio.sleep(0.005)

    await call()
    descriptors = victim.process.num_fds()
    victim.forget_peak()
    before_bytes, began_s = victim.memory_bytes(), time.monotonic()
    honest = asyncio.create_task(call_all_the_time())
    try:
        yield
    finally:
        took_s = time.monotonic() - began_s
        # An attack may be over before a single call is.
        await until(lambda: calls > 0 or honest.done())
        honest.cancel()
        (outcome,) = await asyncio.gather(honest, return_exceptions=True)
    assert isinstance(outcome, asyncio.CancelledError), outcome
    await call()
    await until(lambda: victim.process.num_fds() <= descriptors)
    grown_bytes = victim.peak_bytes() - before_bytes
    assert grown_bytes <= victim.memory_bound_bytes
    answers = tuple(str(answer) for answer in victim.answers)
    assert answers, "the case says what it was answered"
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
    """Look again and again until `condition` holds. Raises TimeoutError."""
    async with asyncio.timeout(AMPLE_S):
        while not condition():  # noqa: ASYNC110 - what another process does sets no event here
            await asyncio.sleep(0.02)
