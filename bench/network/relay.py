"""The relay, a network in front of a producer: `python -m bench.network.relay --network wifi --to http://127.0.0.1:4000`.

It is a process of its own, so that its work delays no other event loop, and it ends with the process that started it.
All connections of one relay share one link in each direction, as those of one household do.
"""

import asyncio
import gc
import os
import socket
import sys
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from time import perf_counter_ns
from types import TracebackType
from typing import Annotated, Any, Self

import typer
import uvloop

from bench.network.connection import Connection, prepare, reset
from bench.network.lane import Agenda, Lane
from bench.network.link import Link, downlink, held_bytes_at_most, set_up, uplink
from bench.network.profile import BadProfile, Profile, parse
from commands import command_line, values
from commands.errors import ExitCode, UsageError
from consumers.target import BadTarget, parse_target
from producers.lifecycle import announce, stop_requested

HOST = "127.0.0.1"
BACKLOG = 4096
DESCRIPTORS_SHORT_S = 0.05
"""The time until the next attempt when there is no file descriptor for another connection."""

Address = tuple[socket.AddressFamily, Any]


class Relay:
    """One network with all its connections. Use as `async with`; it raises an error of the relay itself."""

    def __init__(self, profile: Profile, seed: int = 1) -> None:
        """`seed` decides how the delay varies."""
        self._profile = profile
        self._agenda = Agenda()
        self._up = self._lane(uplink(profile, seed), profile.up_bits_per_second)
        self._down = self._lane(downlink(profile, seed), profile.down_bits_per_second)
        self._listeners: list[socket.socket] = []
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: set[Connection] = set()

    def _lane(self, link: Link, bits_per_second: int | None) -> Lane:
        return Lane(link, self._agenda, held_bytes_at_most(self._profile, bits_per_second))

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        try:
            # An error of the body is raised as it is. A cancellation may come from the group, when a task has failed.
            if isinstance(error, asyncio.CancelledError):
                await self._group.__aexit__(kind, error, trace)
            else:
                await self._group.__aexit__(None, None, None)
        finally:
            for connection in list(self._connections):
                connection.end(abruptly=True)
            for listener in self._listeners:
                listener.close()
            self._agenda.close()

    @property
    def open_connections(self) -> int:
        """Connections with a side that is still open."""
        return len(self._connections)

    @property
    def held_bytes(self) -> int:
        """Bytes in transit in both directions, over all connections."""
        return self._up.held_bytes + self._down.held_bytes

    async def listen(self, host: str, port: int) -> int:
        """Relay every connection to a free port of HOST to `host`:`port`. Returns the free port. Raises OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        listener = socket.create_server((HOST, 0), backlog=BACKLOG)
        listener.setblocking(False)
        self._listeners.append(listener)
        self._run(self._accept(listener, (family, address)))
        return int(listener.getsockname()[1])

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket, address: Address) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                consumer, _ = await loop.sock_accept(listener)
            except OSError:
                await asyncio.sleep(DESCRIPTORS_SHORT_S)
                continue
            self._run(self._connect(consumer, address, perf_counter_ns()))

    async def _connect(self, consumer: socket.socket, address: Address, connected_ns: int) -> None:
        """Set a connection up, which takes as long as on the network."""
        steps = set_up(self._profile, connected_ns)
        producer: socket.socket | None = None
        try:
            prepare(consumer)
            await self._agenda.wait_until(steps.producer_asked_ns)
            try:
                producer = socket.socket(address[0], socket.SOCK_STREAM)
                prepare(producer)
                await asyncio.get_running_loop().sock_connect(producer, address[1])
            except OSError:
                await self._agenda.wait_until(steps.consumer_may_send_ns)
                raise
        except (OSError, asyncio.CancelledError) as error:
            reset(consumer)
            if producer is not None:
                producer.close()
            if isinstance(error, asyncio.CancelledError):
                raise
            return
        connection = Connection(consumer, producer, self._connections.discard)
        self._connections.add(connection)
        self._agenda.at(steps.consumer_may_send_ns, lambda: connection.consumer_side.start(self._up))
        self._agenda.at(steps.producer_may_send_ns, lambda: connection.producer_side.start(self._down))


app = command_line.application("Put a network between consumers and producers.")


@app.command()
def relay(
    network: Annotated[str, typer.Option(metavar="NETWORK", help="A profile's name, or rtt=40ms,down=20mbit,…")],
    to: Annotated[list[str], typer.Option(metavar="URL", help="A producer to relay to; may be given more than once.")],
    seed: Annotated[
        int, typer.Option(parser=values.whole_number(0, 2**63), metavar="N", help="Decides how the delay varies.")
    ] = 1,
) -> int:
    """Relay to producers until SIGINT, SIGTERM or SIGHUP; announce an address for each, in the order given."""
    try:
        profile = parse(network)
    except BadProfile as error:
        raise UsageError(f"--network: {error}") from None
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(profile, seed, to))
    return ExitCode.FINE


async def _serve(profile: Profile, seed: int, addresses: Sequence[str]) -> None:
    _allow_descriptors()
    with stop_requested() as stop:
        async with Relay(profile, seed) as serving:
            announced = [await _listen(serving, address) for address in addresses]
            # Everything loaded stays, and a garbage collection through it would take longer than a packet.
            gc.collect()
            gc.freeze()
            announce(announced, os.getpid())
            await stop()


async def _listen(serving: Relay, address: str) -> str:
    """Listen for the producer at `address`; the same address with the relay's own host and port."""
    try:
        target = parse_target(address)
        port = await serving.listen(target.host, target.port)
    except BadTarget as error:
        raise UsageError(f"--to: {error}") from None
    except OSError as error:
        raise UsageError(f"--to: {address!r} cannot be relayed to: {error.strerror or error}") from None
    scheme, separator, rest = address.rpartition("://")
    _, slash, path = rest.partition("/")
    return f"{scheme}{separator}{HOST}:{port}{slash}{path}"


def _allow_descriptors() -> None:
    """Allow as many file descriptors as the system lets this process have: a connection needs two."""
    with suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - not on every system

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> int:
    """Run the command line and return its exit code."""
    return command_line.run(app, "python -m bench.network.relay")


if __name__ == "__main__":
    sys.exit(main())
