"""The workers of a Dask cluster as load generators: a host process on each, for as long as a run needs them."""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import Self

import msgspec

from bench.cluster import lab_code, pipe
from bench.cluster.connection import Connection, WorkerLost
from bench.cluster.host import LEASE_S
from bench.cluster.messages import Ready, Renew, Reply, Request, decode_reply, encode
from bench.cluster.starts import window_ns
from bench.results import ClusterUsed, ClusterWorker
from bench.runner.processes import START_TIMEOUT_S
from bench.slices import LeftOut
from commands.errors import UsageError

RENEW_S = 3.0
END_S = 10.0
NAMED_AT_MOST = 3
"""How many workers an error names."""


class Cluster:
    """The workers of a scheduler, each with a host process. Use as `async with`."""

    def __init__(self, address: str, slice_ns: int, workers: int = 1) -> None:
        """`slice_ns`: how long the slices of the run are. `workers`: how many there have to be, at least."""
        self.connection = Connection(address, workers)
        self.workers: list[ClusterWorker] = []
        """By their numbers."""
        self.failed: list[LeftOut] = []
        """Workers one of whose load processes failed."""
        self._slice_ns = slice_ns
        self._token = secrets.token_hex(8)
        self._numbers = count(1)
        self._loads = count()
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect and start a host process on every worker. Raises UsageError where one of them cannot take part."""
        await self.connection.__aenter__()
        try:
            self.workers = await self._begin(self.connection.workers)
            self._renewing = asyncio.create_task(self._renew())
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Where this is cancelled again, the leases end what is left.
        await asyncio.shield(asyncio.create_task(self._end()))

    async def _begin(self, addresses: Sequence[str]) -> list[ClusterWorker]:
        async def begun(number: int, address: str) -> ClusterWorker | str:
            try:
                found = await self.connection.call(address, pipe.begin, self._token, LEASE_S, seconds=START_TIMEOUT_S)
            except WorkerLost as error:
                return f"worker {address}: {error}"
            if "error" in found:
                return f"worker {address}: {found['error']}"
            try:
                ready = decode_reply(found["line"])
            except msgspec.DecodeError:
                return f"worker {address}: it has another version of the lab"
            assert isinstance(ready, Ready)
            return msgspec.structs.replace(ready.worker, number=number, address=address)

        found = await asyncio.gather(*(begun(number, address) for number, address in enumerate(addresses)))
        if failed := [each for each in found if isinstance(each, str)]:
            more = f" (and {len(failed) - 1} more workers)" if len(failed) > 1 else ""
            raise UsageError(f"--scheduler: {failed[0]}{more}")
        workers = [each for each in found if isinstance(each, ClusterWorker)]
        check_versions(workers)
        return workers

    async def _renew(self) -> None:
        """Keep the host processes alive, and find out which workers no longer answer."""
        while True:
            await asyncio.sleep(RENEW_S)
            await asyncio.gather(*(self._renewed(number) for number in self.alive))

    async def _renewed(self, worker: int) -> None:
        with suppress(WorkerLost):
            await self.ask(worker, Renew(), LEASE_S)

    async def _end(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)

        async def end(address: str) -> None:
            with suppress(WorkerLost):
                await self.connection.call(address, pipe.end, self._token, END_S, seconds=2 * END_S)

        await asyncio.gather(*(end(address) for address in self.connection.workers))
        await self.connection.__aexit__(None, None, None)

    @property
    def alive(self) -> list[int]:
        """The numbers of the workers that are not lost, ascending."""
        left = set(self.connection.workers)
        return [worker.number for worker in self.workers if worker.address in left]

    def next_load(self) -> int:
        """A number for one more load."""
        return next(self._loads)

    @property
    def lost(self) -> list[LeftOut]:
        """The workers that take no further part, or not in everything."""
        gone = [
            LeftOut(worker=each.number, reason=reason.result())
            for each in self.workers
            if (reason := self.connection.lost[each.address]).done()
        ]
        return [*gone, *self.failed]

    def name(self, worker: int) -> str:
        """What a worker is called in text."""
        return f"worker {worker} ({self.workers[worker].host})"

    def shares_host(self, workers: Sequence[int]) -> bool:
        """Whether two of these workers are on one machine."""
        return len({self.workers[worker].host for worker in workers}) < len(workers)

    async def ask(self, worker: int, request: Request, seconds: float) -> tuple[int, Reply]:
        """The number of the request, and the reply of a worker's host process to it. Raises WorkerLost."""
        number, address = next(self._numbers), self.workers[worker].address
        found = await self.connection.call(
            address, pipe.exchange, self._token, number, encode(request), seconds=seconds
        )
        if "error" in found:
            self.connection.lose(address, found["error"])
            raise WorkerLost(found["error"])
        return number, decode_reply(found["line"])

    def used(self) -> ClusterUsed:
        """The cluster for the run file, as it is now."""
        return ClusterUsed(
            scheduler=self.connection.address,
            distributed=self.connection.version,
            workers=self.workers,
            start_window_ns=window_ns(self._slice_ns),
            lost=self.lost,
        )


def check_versions(workers: Sequence[ClusterWorker]) -> None:
    """Raise UsageError where workers differ in the code of the lab from each other or from the bench."""
    own = lab_code.digest()
    other = [each for each in workers if each.lab_digest != own]
    if not other:
        return
    named = ", ".join(f"{each.address} on {each.host} ({each.lab or 'unknown'})" for each in other[:NAMED_AT_MOST])
    more = ", …" if len(other) > NAMED_AT_MOST else ""
    raise UsageError(
        f"--scheduler: {len(other)} of {len(workers)} workers have another version of the lab: {named}{more}; "
        "install the same everywhere"
    )
