"""The host process on a worker's machine: `python -m bench.cluster.host`. It owns the load processes there.

It reads requests from stdin and writes replies to stdout, each with the number of its request. It ends, and with it
every process that it has started, when its stdin ends, on a signal, and when nothing has come from the bench for the
time of its lease: a bench that was killed leaves nothing behind.
"""

import asyncio
import platform
import sys
import tempfile
from argparse import SUPPRESS, ArgumentParser
from contextlib import suppress
from pathlib import Path
from time import perf_counter_ns

import msgspec
import psutil

from bench import environment, machine
from bench.cluster import lab_code
from bench.cluster.files import with_files
from bench.cluster.messages import (
    Answered,
    Await,
    Failed,
    Give,
    Plan,
    Planned,
    Ready,
    Renew,
    Reply,
    Request,
    Start,
    decode_request,
    encode,
    raw,
)
from bench.cluster.pipe import LINE_LIMIT_BYTES
from bench.load import messages
from bench.load.stdin import reader_of_stdin
from bench.load.timer import PreciseTimer
from bench.machine import NOT_PINNED
from bench.results import ClusterWorker
from bench.runner.processes import LoadProcess, ProcessFailed
from bench.runner.session import Session
from commands import streams
from commands.loop_signals import run_until_signal

LEASE_S = 15.0
"""How long it waits for the next request, by default."""


def described() -> ClusterWorker:
    """This machine, as it sends requests."""
    found = environment.describe(NOT_PINNED, measures_elsewhere=True)
    return ClusterWorker(
        host=platform.node(),
        system=found["system"],
        cpu=found["cpu"]["model"],
        cores=found["cpu"]["count"],
        memory_bytes=psutil.virtual_memory().total,
        python=found["python"],
        lab=found["lab_commit"],
        lab_digest=lab_code.digest(),
        libraries=found["libraries"],
    )


class Host:
    """Carries out the requests of the bench."""

    def __init__(self, session: Session, directory: Path) -> None:
        """`directory`: for the files that load processes read."""
        self._session = session
        self._directory = directory
        self._loads: dict[int, LoadProcess] = {}
        self._busy: dict[int, asyncio.Lock] = {}
        """A load process carries out one order at a time, also when the bench no longer waits for one."""
        self._planned: dict[int, asyncio.Task[Reply]] = {}

    async def reply(self, number: int, request: Request, received_ns: int) -> Reply:
        """The reply to a request that was read at `received_ns`."""
        match request:
            case Start():
                return await self._start(request)
            case Give():
                return await self._give(request.load, request.order, request.timeout_s, received_ns)
            case Plan():
                self._planned[number] = asyncio.create_task(self._later(request, received_ns))
                return Planned()
            case Await():
                return await self._planned.pop(request.planned)
            case Renew():
                return Planned()

    async def _start(self, request: Start) -> Reply:
        setup = messages.decode_order(request.setup)
        assert isinstance(setup, messages.Setup)
        copies: dict[str, Path] = {}
        for number, (name, content) in enumerate(request.files.items()):
            copies[name] = self._directory / f"{request.load}-{number}{Path(name).suffix}"
            copies[name].write_bytes(content)
        try:
            self._busy[request.load] = asyncio.Lock()
            self._loads[request.load] = await self._session.start_load(with_files(setup, copies))
        except ProcessFailed as error:
            return Failed(text=str(error))
        return Answered(answer=raw(messages.Done()))

    async def _give(self, load: int, order: msgspec.Raw, timeout_s: float, received_ns: int) -> Reply:
        try:
            async with self._busy[load]:
                answer = await self._loads[load].order(messages.decode_order(order), timeout_s)
        except ProcessFailed as error:
            return Failed(text=str(error))
        after_ns = answer.slice.started_ns - received_ns if isinstance(answer, messages.SliceDone) else None
        return Answered(answer=raw(answer), started_after_ns=after_ns)

    async def _later(self, request: Plan, received_ns: int) -> Reply:
        with PreciseTimer() as timer:
            await timer.wait_until(received_ns + request.wait_ns)
        return await self._give(request.load, request.order, request.timeout_s, received_ns)


async def obey(reader: asyncio.StreamReader, lease_s: float) -> None:
    """Carry out requests until they end, or none has come for `lease_s`."""
    with tempfile.TemporaryDirectory(prefix="recipe-lab-") as aside:
        async with Session(NOT_PINNED) as session:
            await _obey(reader, Host(session, Path(aside)), lease_s)


async def _obey(reader: asyncio.StreamReader, host: Host, lease_s: float) -> None:
    tasks: set[asyncio.Task[None]] = set()
    write(0, Ready(worker=described()))

    async def carry_out(number: int, request: Request, received_ns: int) -> None:
        try:
            reply = await host.reply(number, request, received_ns)
        except Exception as error:  # the bench would wait for a reply
            reply = Failed(text=f"the host process failed: {error!r}")
        write(number, reply)

    try:
        while line := await asyncio.wait_for(reader.readline(), lease_s):
            received_ns = perf_counter_ns()
            task = asyncio.create_task(carry_out(*decode_request(line), received_ns))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
    finally:
        for task in tasks:
            task.cancel()


def write(number: int, reply: Reply) -> None:
    """Write a reply."""
    sys.stdout.buffer.write(b"%d " % number + encode(reply))
    sys.stdout.buffer.flush()


async def _read_requests(lease_s: float) -> None:
    reader = await reader_of_stdin(LINE_LIMIT_BYTES)
    with suppress(TimeoutError):
        await obey(reader, lease_s)


def main() -> None:
    """Carry out the requests that come on stdin."""
    parser = ArgumentParser(
        prog="python -m bench.cluster.host",
        usage=SUPPRESS,
        description="The owner of load processes on a machine of a cluster. The bench starts it.",
    )
    parser.add_argument("--lease", type=float, default=LEASE_S, help=SUPPRESS)
    lease_s = parser.parse_args().lease
    streams.open_descriptors()
    machine.allow_open_files()
    try:
        run_until_signal(_read_requests(lease_s))
    except KeyboardInterrupt:
        return
    except ValueError as error:
        parser.error(f"stdin: {error}")


if __name__ == "__main__":
    main()
