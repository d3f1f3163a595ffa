"""The processes of the bench, one at a time: starting, pinning, reading, giving orders, ending. Session owns them."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import IO

import psutil

from bench.load import messages
from bench.machine import pin
from commands.command_line import VARIABLES
from producers.lifecycle import STOP_WITH_STDIN
from recipes.installation import ROOT, python_path

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 15.0
ENDS_AT_ONCE_S = 1.0
LINE_LIMIT_BYTES = 1 << 26
OPENSSL_CONFIGURATION = ROOT / "commands" / "openssl.cnf"


class ProcessFailed(Exception):
    """A process ended, or did not answer. The text names it and ends with the last line of its stderr."""


@dataclass(frozen=True, slots=True)
class Wrapper:
    """A program that runs another one: what stands before that one's command, and variables for both."""

    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


UNWRAPPED = Wrapper()
KEEPS_MEMORY: Mapping[str, str] = MappingProxyType(
    {"MALLOC_TRIM_THRESHOLD_": str(1 << 27), "MALLOC_MMAP_THRESHOLD_": str(1 << 25)}
)
"""Variables that have a process keep memory that it has freed (mallopt(3)). Otherwise glibc gives the free end of the
heap back to the system and asks for it again, in some processes with every read of a TLS connection, in others never.
"""


def child_environment(directory: str = "", wrapper: Wrapper = UNWRAPPED) -> dict[str, str]:
    """The environment of every child: without the variables that stand in for flags, with the lab's TLS settings.

    `directory` is the root of the code that the child runs; empty: this lab's own. Behind it comes the user's
    PYTHONPATH, where the libraries may be.
    """
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return {
        **kept,
        STOP_WITH_STDIN: "1",
        "OPENSSL_CONF": str(OPENSSL_CONFIGURATION),
        "PYTHONPATH": python_path(directory or ROOT),
        "PYTHONHASHSEED": "random",
        "PYTHONIOENCODING": "utf-8",
        "GRPC_VERBOSITY": "NONE",
        **wrapper.environment,
    }


def keeps_groups() -> bool:
    """Whether children are in the session of this process, each in a process group of its own: not under uvloop."""
    return isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop)


@dataclass(slots=True)
class Child:
    """A child process. It is in a process group of its own, so that Ctrl-C reaches the bench only.

    With asyncio's own event loop it is not in a session of its own: Linux shares the processors out among sessions
    first (autogroup of sched(7)), so what keeps a core awake would get half of it, whatever its scheduling class.
    """

    name: str
    process: asyncio.subprocess.Process
    errors: IO[bytes]

    @classmethod
    async def start(
        cls,
        name: str,
        command: Sequence[str],
        cpus: Sequence[int],
        directory: str = "",
        wrapper: Wrapper = UNWRAPPED,
    ) -> "Child":
        """Start it on these CPUs, from the code in `directory`; empty: this lab's own."""
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the child
        try:
            process = await asyncio.create_subprocess_exec(
                *wrapper.command,
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=LINE_LIMIT_BYTES,
                env=child_environment(directory, wrapper),
                # uvloop knows no process groups. A function to be called in the child is no way out: it would have this
                # process forked, with the threads of gRPC if there are any.
                **({"process_group": 0} if keeps_groups() else {"start_new_session": True}),
            )
        except BaseException:
            errors.close()
            raise
        # The child and not this process: several children start at the same time, each on CPUs of its own.
        pin(process.pid, cpus)
        return cls(name, process, errors)

    def pin(self, cpus: Sequence[int]) -> None:
        """Let it run on these CPUs only from now on, and the processes that it has started. Does nothing without CPUs.

        Processes inherit the CPUs of the one that starts them. So once a pass finds no process that is not pinned yet,
        every later one starts pinned.
        """
        if not cpus:
            return
        pinned: set[int] = set()
        while found := {*self.family()} - pinned:
            for pid in found:
                pin(pid, cpus)
            pinned |= found

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def family(self) -> list[int]:
        """The ids of this process and of those that it has started, such as workers."""
        return [self.pid, *_descendants(self.pid)]

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.returncode is None

    async def line(self, timeout_s: float) -> bytes:
        """Its next line on stdout. Raises ProcessFailed when it writes none in time, or ends."""
        assert self.process.stdout is not None
        try:
            line = await asyncio.wait_for(self.process.stdout.readline(), timeout_s)
        except TimeoutError:
            raise ProcessFailed(f"{self.name} wrote nothing for {timeout_s:g} s{self.last_error()}") from None
        if not line:
            exit_code = await self.process.wait()
            raise ProcessFailed(f"{self.name} ended with {exit_code}{self.last_error()}")
        return line

    async def announced(self) -> str:
        """The address that it announces next. Raises ProcessFailed."""
        line = (await self.line(START_TIMEOUT_S)).decode(errors="replace")
        words = line.split()
        if words[:1] != ["listening"]:
            raise ProcessFailed(f"{self.name} wrote {line.strip()!r} instead of `listening ADDRESS`")
        return words[1]

    async def repeat(self, order: bytes) -> None:
        """Give it an order, one line, and wait until it repeats it. Raises ProcessFailed when it does not."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(order)
            await self.process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise ProcessFailed(f"{self.name} has ended{self.last_error()}") from None
        if (line := await self.line(START_TIMEOUT_S)) != order:
            raise ProcessFailed(f"{self.name} wrote {line!r} instead of {order!r}")

    async def raise_if_ended(self) -> None:
        """Raise ProcessFailed where it has ended, or ends at once."""
        try:
            exit_code = await asyncio.wait_for(self.process.wait(), ENDS_AT_ONCE_S)
        except TimeoutError:
            return
        raise ProcessFailed(f"{self.name} ended with {exit_code}{self.last_error()}")

    def last_error(self) -> str:
        """The last line of its stderr, as `: …`; empty when it wrote nothing there."""
        lines = self.last_errors()
        return f": {lines[-1]}" if lines else ""

    def last_errors(self) -> list[str]:
        """The last lines of its stderr."""
        self.errors.flush()
        size = self.errors.seek(0, os.SEEK_END)
        self.errors.seek(max(0, size - 2000))
        return self.errors.read().decode(errors="replace").strip().splitlines()

    async def end(self, within_s: float = STOP_TIMEOUT_S) -> bool:
        """Ask it to end with SIGTERM, wait, and kill it when it has not ended in time.

        Returns whether it ended by itself.
        """
        by_itself = True
        if self.alive:
            self.ask_to_end()
            try:
                await asyncio.wait_for(self.process.wait(), within_s)
            except TimeoutError:
                by_itself = False
                self.kill()
                await self.process.wait()
        self.errors.close()
        return by_itself

    def ask_to_end(self) -> None:
        """Send SIGTERM."""
        self._signal(signal.SIGTERM)

    def freeze(self) -> None:
        """Let it do nothing from now on (SIGSTOP). Only `kill` ends it then."""
        self._signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it at once with SIGKILL."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        # Before Python 3.13, `process.send_signal` polls the child, which takes its exit status from the event loop.
        # The loop then warns on stderr, and the exit code is lost.
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _descendants(pid: int) -> list[int]:
    """The processes that this one has started, and those that they have started."""
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@dataclass(slots=True)
class LoadProcess:
    """A load process. It carries out one order at a time."""

    child: Child
    unanswered: int = 0
    """Orders whose answers have not been read."""

    @property
    def pids(self) -> list[int]:
        """Its process on this machine."""
        return [self.child.pid]

    async def order(self, order: messages.Order, timeout_s: float) -> messages.Answer:
        """Give an order and wait for its answer. Raises ProcessFailed when none comes in time."""
        await self._send(order)
        self.unanswered += 1
        while True:
            answer = messages.decode_answer(await self.child.line(timeout_s))
            self.unanswered -= 1
            if not self.unanswered:
                break
        if isinstance(answer, messages.Broken):
            raise ProcessFailed(f"{self.child.name}: {answer.text}")
        return answer

    async def stop_requests(self) -> None:
        """Have it end LogRequests, whose answer is awaited elsewhere. Raises ProcessFailed."""
        await self._send(messages.StopRequests())

    async def _send(self, order: messages.Order) -> None:
        assert self.child.process.stdin is not None
        try:
            self.child.process.stdin.write(messages.encode(order))
            await self.child.process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise ProcessFailed(f"{self.child.name} has ended{self.child.last_error()}") from None
