"""The session: the one owner of the bench's processes, and of their temporary files.

Producers, fronts, relays, load processes and no-op servers are started here and nowhere else, on any core that is
free; once they are ready, `pin` gives each its cores. When the session ends, all of them have ended, however it ends:
by itself, by an error, or cancelled at any await, in which case they are killed.
"""

import asyncio
import sys
import tempfile
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from bench.fronts.front import Front
from bench.fronts.plan import FrontPlan
from bench.load import messages
from bench.machine import Pinning, run_first
from bench.plan import Addresses
from bench.runner import front as fronts
from bench.runner import spinner
from bench.runner.processes import (
    KEEPS_MEMORY,
    START_TIMEOUT_S,
    UNWRAPPED,
    Child,
    LoadProcess,
    ProcessFailed,
    Wrapper,
    keeps_groups,
)
from consumers.target import parse_target
from producers.registry import DEFAULT

Result = TypeVar("Result")


class Stopped(Exception):
    """The user asked to stop."""


@dataclass(frozen=True, slots=True)
class Server:
    """A process of the session that listens."""

    child: Child
    addresses: tuple[str, ...]
    """As it announced them."""


@dataclass(frozen=True, slots=True)
class RunningProducer:
    """A producer of the session."""

    child: Child
    plain: str
    """Its address without TLS."""
    tls: str | None
    metrics: tuple[str, ...] = ()
    """Where each of its processes shows what it has counted (bench.runner.producer_counts)."""

    @property
    def addresses(self) -> Addresses:
        """Both, parsed."""
        return Addresses(parse_target(self.plain), None if self.tls is None else parse_target(self.tls))

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.child.pid


class Session:
    """Starts processes and ends them all. Use as `async with`."""

    def __init__(self, pinning: Pinning, stop: asyncio.Event | None = None, problems: list[str] | None = None) -> None:
        """`pinning`: the cores of producers and load. `stop`: set when the user asks to stop. `problems`: the list to
        which everything that goes wrong with processes is added, in words."""
        self.pinning = pinning
        self.problems: list[str] = [] if problems is None else problems
        self._stop = stop or asyncio.Event()
        self._load_processes: list[Child] = []
        self._fronts: list[Child] = []
        self._relays: list[Child] = []
        self._servers: list[Child] = []
        self._spinners: list[Child] = []
        self._tools: list[Child] = []
        self._awake = False
        self._unpinned: list[tuple[Child, Sequence[int]]] = []
        """Processes that run on any core, and the cores for each."""
        self._aside: tempfile.TemporaryDirectory[str] | None = None
        """The temporary directory of the processes."""
        self._removes_files = False
        """Whether a process waits to remove that directory, should this one be killed."""

    async def __aenter__(self) -> Self:
        self._aside = tempfile.TemporaryDirectory(prefix="recipe-lab-", ignore_cleanup_errors=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, asyncio.CancelledError):
            self._kill()
        ending = asyncio.create_task(self._end())
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            self._kill()
            await _whatever_happens(ending)
            raise

    async def _end(self) -> None:
        """End those that send first: a server that still has connections waits for them."""
        for children in self._children():
            async with asyncio.TaskGroup() as ending:
                for child in children:
                    ending.create_task(child.end())
        if self._aside is not None:
            self._aside.cleanup()

    def _kill(self) -> None:
        for child in chain.from_iterable(self._children()):
            child.kill()

    def _children(self) -> tuple[list[Child], ...]:
        """What ends together, in the order in which it ends."""
        return (self._tools, self._spinners, self._load_processes, self._fronts, self._relays, self._servers)

    async def start_producer(
        self,
        protocol: str,
        *,
        implementation: str = DEFAULT,
        recipes: str,
        gzip: bool = False,
        gzip_level: int = 6,
        flags: Sequence[str] = (),
        counting: int = 0,
        certificates: Path | None = None,
        directory: str = "",
        python: str = "",
        wrapper: Wrapper = UNWRAPPED,
        port: int = 0,
        tls_port: int = 0,
    ) -> RunningProducer:
        """Start `python -m producers`, and wait until it accepts. Raises ProcessFailed.

        `port`, `tls_port`: where it serves without and with TLS; 0: on a free one. `flags` are passed on. `counting`:
        how many of its processes count calls, all of its workers or none. `certificates`: where its certificates are;
        without, it serves no TLS. `directory` is the root of the code to start it from, `python` the interpreter;
        empty: this lab's own. `wrapper`: what runs it.

        One process serves plain and TLS, and gzip to those who ask for it, so that these effects are compared within a
        process.
        """
        # -P: without it the current directory's code would come before the one asked for.
        command = [python or sys.executable, "-P", "-m", "producers", protocol, "--port", str(port)]
        command += ["--recipes", recipes]
        command += [] if implementation == DEFAULT else ["--implementation", implementation]
        command += ["--gzip", "--gzip-level", str(gzip_level)] if gzip else []
        command += flags
        command += ["--metrics-port", "0"] if counting else []
        if certificates is not None:
            command += ["--tls-port", str(tls_port), "--cert", str(certificates / "server.pem")]
            command += ["--key", str(certificates / "server-key.pem")]
        ports = 1 if certificates is None else 2
        if python:
            # Its libraries are installed with it. Those on the user's PYTHONPATH would come before them.
            wrapper = replace(wrapper, environment={**wrapper.environment, "PYTHONPATH": directory})
        name = f"the {protocol} producer" + ("" if implementation == DEFAULT else f" ({implementation})")
        server = await self.start_server(name, command, ports=ports + counting, directory=directory, wrapper=wrapper)
        plain, *tls = server.addresses[:ports]
        return RunningProducer(server.child, plain, tls[0] if tls else None, server.addresses[ports:])

    async def start_server(
        self,
        name: str,
        command: Sequence[str],
        *,
        ports: int = 1,
        directory: str = "",
        wrapper: Wrapper = UNWRAPPED,
    ) -> Server:
        """Start a process like a producer, and wait until it has announced so many ports. Raises ProcessFailed.

        `directory`: the root of the code that it runs; empty: this lab's own.
        """
        child = await self._start(name, command, self.pinning.producer, self._servers, directory, wrapper)
        return Server(child, tuple([await child.announced() for _ in range(ports)]))

    async def end_server(self, child: Child, within_s: float) -> bool:
        """End a server before the session ends: ask it to, and kill it when it has not ended in time.

        Returns whether it ended by itself.
        """
        by_itself = await child.end(within_s)
        self._servers.remove(child)
        return by_itself

    async def start_relay(self, network: str, addresses: Sequence[str], seed: int) -> Server:
        """Start a relay in front of each of these addresses, and wait until it accepts. Raises ProcessFailed."""
        command = [sys.executable, "-P", "-m", "bench.network.relay", "--network", network, "--seed", str(seed)]
        for address in addresses:
            command += ["--to", address]
        # On whichever core is idle: while the relay works, producer and load mostly wait for it.
        cores = sorted({*self.pinning.producer, *self.pinning.load})
        child = await self._start(f"the relay for {network}", command, cores, self._relays)
        return Server(child, tuple([await child.announced() for _ in addresses]))

    async def start_front(
        self, front: Front, plan: FrontPlan, certificates: Path | None = None, wrapper: Wrapper = UNWRAPPED
    ) -> fronts.RunningFront:
        """Start a front on a free port, whatever the address of its plan, and wait until it forwards.

        `certificates`: where the lab's are, for a plan with TLS. `wrapper`: what runs it. Raises ProcessFailed, also
        where its program is not installed or cannot do what the plan says.
        """
        assert self._aside is not None, "a session is entered before it starts anything"
        if not self._removes_files:
            self._removes_files = True
            await self._start("what removes files of a killed bench", _remover(self._aside.name), (), self._tools)
        directory = Path(tempfile.mkdtemp(prefix=f"{front.name}-", dir=self._aside.name))

        # What stands before its command comes behind what ties it to this process.
        around = replace(wrapper, command=())

        async def start(name: str, command: Sequence[str]) -> Child:
            return await self._start(name, command, self.pinning.between, self._fronts, wrapper=around)

        return await fronts.start(front, plan, directory, certificates, wrapper, start)

    async def end_front(self, front: fronts.RunningFront) -> None:
        """End a front before the others."""
        await front.child.end()
        self._fronts.remove(front.child)

    async def start_load(self, setup: messages.Setup, wrapper: Wrapper = UNWRAPPED) -> LoadProcess:
        """Start a load process that keeps freed memory, run by `wrapper`, and set it up. Raises ProcessFailed."""
        command = [sys.executable, "-P", "-m", "bench.load.worker"]
        name = f"the load process for {setup.protocol}"
        wrapper = replace(wrapper, environment={**KEEPS_MEMORY, **wrapper.environment})
        process = LoadProcess(
            await self._start(name, command, self.pinning.load, self._load_processes, wrapper=wrapper)
        )
        await process.order(setup, START_TIMEOUT_S)
        return process

    async def run_to_end(
        self, name: str, command: Sequence[str], timeout_s: float, priority: int | None = None
    ) -> None:
        """Run a program that ends by itself, before others with this `priority` (`machine.run_first`).

        Raises ProcessFailed when it fails, or does not end in time.
        """
        child = await self._start(name, command, (), self._tools)
        try:
            if priority is not None:
                run_first(child.pid, priority)
            exit_code = await asyncio.wait_for(child.process.wait(), timeout_s)
            if exit_code:
                raise ProcessFailed(f"{name} ended with {exit_code}{child.last_error()}")
        except TimeoutError:
            raise ProcessFailed(f"{name} did not end within {timeout_s:g} s{child.last_error()}") from None
        finally:
            await child.end()
            self._tools.remove(child)

    async def _start(
        self,
        name: str,
        command: Sequence[str],
        cores: Sequence[int],
        kept: list[Child],
        directory: str = "",
        wrapper: Wrapper = UNWRAPPED,
    ) -> Child:
        assert self._aside is not None, "a session is entered before it starts anything"
        # What they leave there when they are killed, such as keys of TLS connections, is removed with it.
        wrapper = replace(wrapper, environment={"TMPDIR": self._aside.name, **wrapper.environment})

        async def started() -> Child:
            child = await Child.start(name, command, self.pinning.starting, directory, wrapper)
            kept.append(child)
            self._unpinned.append((child, cores))
            return child

        # A process that has been started is known to the session, even if its start was cancelled meanwhile.
        return await _whatever_happens(asyncio.create_task(started()))

    def pin(self) -> None:
        """Let every process that was started run on its cores only, from now on."""
        for child, cores in self._unpinned:
            child.pin(cores)
        self._unpinned.clear()

    async def keep_awake(self, awake: bool) -> None:
        """Keep the pinned cores awake while they idle, or let them sleep. Sessions begin with the latter.

        What goes wrong is noted as a problem. Raises Stopped.
        """
        if awake == self._awake or not self.pinning.may_spin:
            return
        assert keeps_groups(), "what keeps cores awake would take time from processes of other sessions"
        self._awake = awake
        try:
            await self.unless_stopped(self._order_spinners(spinner.AWAKE if awake else spinner.REST))
        except ProcessFailed as error:
            self.problems.append(str(error))

    async def _order_spinners(self, order: bytes) -> None:
        if not self._spinners:
            for core in self.pinning.may_spin:
                command = [sys.executable, "-P", "-m", "bench.runner.spinner"]
                await self._start(f"what keeps CPU {core} awake", command, [core], self._spinners)
            self.pin()
        for child in self._spinners:
            await child.repeat(order)

    async def unless_stopped(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of `work`, which is cancelled when the user asks to stop. Raises Stopped.

        What is finished when the user asks is still returned.
        """
        if self._stop.is_set():
            work.close()
            raise Stopped
        task, stopping = asyncio.create_task(work), asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if unfinished := not task.done():
                task.cancel()
            await _whatever_happens(asyncio.gather(task, stopping, return_exceptions=True))
        if unfinished and task.cancelled():
            raise Stopped
        return task.result()


def _remover(directory: str) -> list[str]:
    """What waits until its stdin ends, gives other processes a second to end as well, and removes a directory. Proxies
    leave Unix sockets there when they are killed."""
    return ["/bin/sh", "-c", 'read -r _; sleep 1; rm -rf -- "$0"', directory]


async def _whatever_happens(work: asyncio.Future[Result]) -> Result:
    """The result of `work`, which goes on to its end even if the caller is cancelled; that is raised afterwards."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not work.cancelled():
            work.exception()  # so that it counts as retrieved
        raise cancelled
    return work.result()
