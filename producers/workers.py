"""Several processes on one port: the parent holds the port, starts workers that share it, and replaces dead ones.

Each worker is `python -m producers.workers SERVICE`, where SERVICE is the JSON of its whole `Service`.
"""

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from commands import command_line
from commands.errors import ExitCode
from producers.lifecycle import STOP_WITH_STDIN, stop_requested
from producers.producer import PortUnavailable
from producers.service import Service, serve
from producers.settings import ProducerSettings
from recipes.installation import python_path

app = command_line.application("One worker of `python -m producers PROTOCOL --workers N`, which starts it.")

RESTARTS_IN_A_ROW = 5
"""A worker that ends this often before it listens is not started again."""


@dataclass(frozen=True, slots=True)
class HeldPorts:
    """Ports that are bound but not listened on, so that only the workers can use them. Port 0 is replaced."""

    port: int | None
    tls_port: int | None
    sockets: tuple[socket.socket, ...]

    def close(self) -> None:
        """Release the ports."""
        for held in self.sockets:
            held.close()


def hold_ports(settings: ProducerSettings) -> HeldPorts:
    """Bind the ports that workers will share. Raises PortUnavailable, also if another process shares them."""
    sockets: list[socket.socket] = []
    numbers: list[int | None] = []
    for port in (settings.port, settings.tls_port):
        if port is None:
            numbers.append(None)
            continue
        try:
            family = socket.getaddrinfo(settings.host, port, type=socket.SOCK_STREAM)[0][0]
            # Bound once without SO_REUSEPORT, so that a port that others share is refused.
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((settings.host, port))
                number = probe.getsockname()[1]
            held = socket.socket(family, socket.SOCK_STREAM)
            sockets.append(held)
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            held.bind((settings.host, number))
        except OSError as error:
            for other in sockets:
                other.close()
            raise PortUnavailable(
                f"cannot listen on {settings.host}:{port}: {error.strerror or error}; choose another port, or 0"
            ) from None
        numbers.append(number)
    return HeldPorts(numbers[0], numbers[1], tuple(sockets))


@dataclass(frozen=True, slots=True)
class Announced:
    """What a worker has announced."""

    pid: int
    addresses: list[str]


class Workers:
    """A fixed number of worker processes that serve the same ports."""

    def __init__(self, commands: Sequence[Sequence[str]], *, ports: int, own_ports: int = 0) -> None:
        """`commands`: each starts one worker, which announces `ports` addresses that all share, and then `own_ports`
        of its own, on stdout as any producer does."""
        self.commands = [list(command) for command in commands]
        self.ports = ports
        self.own_ports = own_ports
        self._processes: set[asyncio.subprocess.Process] = set()
        self._stopping = asyncio.Event()

    async def serve(self, on_listening: Callable[[list[str], int], None]) -> int:
        """Run until a stop signal. Returns 0, or 1 if workers kept ending before they listened.

        `on_listening` gets addresses and the process that serves them: what all share once all listen, with the id of
        this process; then what a worker has of its own, also of one that takes the place of another.
        """
        with stop_requested() as stop:
            listening: asyncio.Queue[Announced] = asyncio.Queue()
            keepers = [asyncio.create_task(self._keep_one(command, listening)) for command in self.commands]
            waiting = asyncio.create_task(self._announce(listening, on_listening))
            stopped = asyncio.ensure_future(stop())
            try:
                await asyncio.wait({stopped, *keepers}, return_when=asyncio.FIRST_COMPLETED)
                return 0 if stopped.done() else 1
            finally:
                self._stopping.set()
                waiting.cancel()
                stopped.cancel()
                for process in list(self._processes):
                    if process.returncode is None:
                        process.terminate()
                await asyncio.gather(*keepers)

    async def _announce(
        self, listening: asyncio.Queue["Announced"], on_listening: Callable[[list[str], int], None]
    ) -> None:
        first = [await listening.get() for _ in self.commands]
        on_listening(first[-1].addresses[: self.ports], os.getpid())
        for worker in first:
            on_listening(worker.addresses[self.ports :], worker.pid)
        while True:
            worker = await listening.get()
            on_listening(worker.addresses[self.ports :], worker.pid)

    async def _keep_one(self, command: Sequence[str], listening: asyncio.Queue["Announced"]) -> None:
        failures = 0
        while not self._stopping.is_set() and failures < RESTARTS_IN_A_ROW:
            # A session of its own, so that Ctrl-C reaches only the parent, which then stops its workers.
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
                env={**os.environ, STOP_WITH_STDIN: "1", "PYTHONPATH": python_path()},
            )
            self._processes.add(process)
            if self._stopping.is_set():
                # The stop signal came while this process was being started, so it was not terminated then.
                process.terminate()
            addresses = await _announced(process, self.ports + self.own_ports)
            failures = 0 if addresses else failures + 1
            if addresses:
                listening.put_nowait(Announced(process.pid, addresses))
            exit_code = await process.wait()
            self._processes.discard(process)
            if not self._stopping.is_set():
                print(f"worker {process.pid} ended with {exit_code}; starting another", file=sys.stderr, flush=True)


async def _announced(process: asyncio.subprocess.Process, ports: int) -> list[str]:
    """The addresses that a worker announces, one for each port; none if it ended before that."""
    assert process.stdout is not None
    addresses: list[str] = []
    while len(addresses) < ports and (line := await process.stdout.readline()):
        words = line.decode().split()
        if words[:1] == ["listening"]:
            addresses.append(words[1])
    return addresses if len(addresses) == ports else []


def worker_command(service: Service) -> list[str]:
    """The command that starts a worker with this service."""
    return [sys.executable, "-P", "-m", "producers.workers", msgspec.json.encode(service, enc_hook=str).decode()]


def service_of(text: str) -> Service:
    """The service in the JSON that `worker_command` wrote. Raises BadParameter for other text."""
    try:
        return msgspec.json.decode(text, type=Service, dec_hook=lambda _, value: Path(value))
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise typer.BadParameter(f"not the JSON of a service: {error}") from None


@app.command()
def work(
    service: Annotated[Service, typer.Argument(parser=service_of, metavar="SERVICE", help="The service, as JSON.")],
) -> int:
    """Serve as one worker of `python -m producers PROTOCOL --workers N`, which starts it."""
    serve(service)
    return ExitCode.FINE


def main() -> int:
    """Run the command line and return its exit code."""
    return command_line.run(app, "python -m producers.workers")


if __name__ == "__main__":
    sys.exit(main())
