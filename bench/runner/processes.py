"""Starting and stopping the processes of a run: producers and load processes, pinned, never left behind."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.load import messages
from commands.command_line import VARIABLES
from producers.lifecycle import STOP_WITH_STDIN

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 15.0
LINE_LIMIT_BYTES = 1 << 26
OPENSSL_CONFIGURATION = Path(__file__).parent.parent.parent / "commands" / "openssl.cnf"
REPOSITORY = Path(__file__).parent.parent.parent


class ProcessFailed(Exception):
    """A child ended, or did not do as told. The text names it and carries its last words."""


def child_environment(directory: str = "") -> dict[str, str]:
    """The environment of every child: no flags by way of variables, and the TLS settings of the lab.

    `directory` is the root of the code that it runs; empty: this lab's own.
    """
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return {
        **kept,
        STOP_WITH_STDIN: "1",
        "OPENSSL_CONF": str(OPENSSL_CONFIGURATION),
        "PYTHONPATH": directory or str(REPOSITORY),
        "PYTHONHASHSEED": "random",
        "GRPC_VERBOSITY": "NONE",
    }


@contextmanager
def pinned_to(cores: Sequence[int]) -> Iterator[None]:
    """Whatever is started inside runs on these cores only; without any named, or without a choice, anywhere."""
    if not cores or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(slots=True)
class Child:
    """A child process in a session of its own, so that Ctrl-C reaches the conductor only."""

    name: str
    process: asyncio.subprocess.Process
    errors: IO[bytes]

    @classmethod
    async def start(cls, name: str, command: Sequence[str], cores: Sequence[int], directory: str = "") -> "Child":
        """Start it on these cores, from the code in `directory`; empty: this lab's own."""
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the child
        try:
            with pinned_to(cores):
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=errors,
                    limit=LINE_LIMIT_BYTES,
                    env=child_environment(directory),
                    cwd=Path.cwd(),
                    start_new_session=True,
                )
        except BaseException:
            errors.close()
            raise
        return cls(name, process, errors)

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.returncode is None

    async def line(self, timeout_s: float) -> bytes:
        """Its next line on stdout. Raises ProcessFailed when none comes in time, or it ended."""
        assert self.process.stdout is not None
        try:
            line = await asyncio.wait_for(self.process.stdout.readline(), timeout_s)
        except TimeoutError:
            raise ProcessFailed(f"{self.name} said nothing for {timeout_s:g} s{self.last_words()}") from None
        if not line:
            exit_code = await self.process.wait()
            raise ProcessFailed(f"{self.name} ended with {exit_code}{self.last_words()}")
        return line

    def last_words(self) -> str:
        """The end of what it wrote to stderr, as `: …`, or nothing."""
        self.errors.flush()
        size = self.errors.seek(0, os.SEEK_END)
        self.errors.seek(max(0, size - 2000))
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""

    async def stop(self) -> None:
        """Ask it to end, wait, and kill it when it does not."""
        if self.alive:
            self._signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), STOP_TIMEOUT_S)
            except TimeoutError:
                self.kill()
                await self.process.wait()
        self.errors.close()

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.alive:
            try:
                self.process.send_signal(number)
            except ProcessLookupError:
                return


@dataclass(slots=True)
class RunningProducer:
    """A producer of the run, listening."""

    child: Child
    plain: str | None
    tls: str | None
    pid: int


async def start_producer(
    protocol: str,
    *,
    recipes: str,
    gzip: bool,
    certificates: Path | None,
    cores: Sequence[int],
    gzip_level: int = 6,
    flags: Sequence[str] = (),
    directory: str = "",
    python: str = "",
) -> RunningProducer:
    """Start `python -m producers` on free ports, and wait until it accepts. Raises ProcessFailed.

    `flags` are further ones. `directory` is the root of the code to start it from, `python` the interpreter; empty:
    this lab's own.

    One process serves plain and TLS, and gzip to whoever asks, so that those effects are compared within a process.
    """
    # -P: without it the current directory's code would come before the one asked for.
    command = [python or sys.executable, "-P", "-m", "producers", protocol, "--port", "0", "--recipes", recipes]
    command += ["--gzip", "--gzip-level", str(gzip_level)] if gzip else []
    command += flags
    if certificates is not None:
        command += ["--tls-port", "0", "--cert", str(certificates / "server.pem")]
        command += ["--key", str(certificates / "server-key.pem")]
    child = await Child.start(f"the {protocol} producer", command, cores, directory)
    try:
        addresses = [await announced(child) for _ in range(1 if certificates is None else 2)]
    except BaseException:
        child.kill()
        await child.stop()
        raise
    return RunningProducer(child, addresses[0], addresses[1] if len(addresses) > 1 else None, child.process.pid)


async def announced(child: Child) -> str:
    """The address in a child's next announcement. Raises ProcessFailed."""
    line = (await child.line(START_TIMEOUT_S)).decode(errors="replace")
    words = line.split()
    if words[:1] != ["listening"]:
        raise ProcessFailed(f"{child.name} did not announce itself but said {line.strip()!r}")
    return words[1]


@dataclass(slots=True)
class LoadProcess:
    """A load process, which carries out one order at a time."""

    child: Child
    unanswered: int = 0
    """Orders whose answers nobody waited for to the end."""

    @classmethod
    async def start(cls, protocol: str, setup: messages.Setup, cores: Sequence[int]) -> "LoadProcess":
        """Start it and hand it its set-up. Raises ProcessFailed."""
        command = [sys.executable, "-P", "-m", "bench.load.worker"]
        process = cls(await Child.start(f"the load process for {protocol}", command, cores))
        try:
            await process.order(setup, START_TIMEOUT_S)
        except BaseException:
            process.child.kill()
            await process.child.stop()
            raise
        return process

    async def order(self, order: messages.Order, timeout_s: float) -> messages.Answer:
        """Give an order and wait for its answer. Raises ProcessFailed when there is none in time."""
        assert self.child.process.stdin is not None
        try:
            self.child.process.stdin.write(messages.encode(order))
            await self.child.process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise ProcessFailed(f"{self.child.name} has ended{self.child.last_words()}") from None
        self.unanswered += 1
        while True:
            answer = messages.decode_answer(await self.child.line(timeout_s))
            self.unanswered -= 1
            if not self.unanswered:
                break
        if isinstance(answer, messages.Broken):
            raise ProcessFailed(f"{self.child.name}: {answer.text}")
        return answer
