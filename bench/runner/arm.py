"""The processes that serve and ask one protocol of one version, between two fresh starts."""

import asyncio
from dataclasses import dataclass, field

from bench.network.running import RunningRelay
from bench.runner.processes import LoadProcess, RunningProducer
from bench.runner.raw_run import ArmKey


@dataclass(slots=True)
class Arm:
    """One protocol of one version in one instance: its producer, unless somebody else's, its relays, its load."""

    key: ArmKey
    producer: RunningProducer | None
    load: LoadProcess
    relays: list[RunningRelay]
    broken: bool = False
    load_lost: bool = False
    """Whether the load process does not answer any more, and with it what it recorded is gone."""
    silent: list[str] = field(default_factory=list)
    """The workloads of the latest slices in a row in which nothing was answered at all."""

    def kill(self) -> None:
        """End all its processes at once."""
        self.load.child.kill()
        for relay in self.relays:
            relay.child.kill()
        if self.producer is not None:
            self.producer.child.kill()

    async def stop(self) -> None:
        """End all its processes, and wait for it."""
        await self.load.child.stop()
        await asyncio.gather(*(relay.child.stop() for relay in self.relays))
        if self.producer is not None:
            await self.producer.child.stop()
