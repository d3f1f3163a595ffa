"""How true the relay is: `python -m bench.network.accuracy`. Best on a machine that does nothing else.

Threads of this process send and receive over blocking sockets, the relay runs in its own process as in a run. What was
received when is compared with what the model makes of what was sent when, on the same clock: what is found is
the relay's error and the system's together.
"""

import asyncio
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from time import perf_counter_ns, sleep
from typing import Annotated

import typer

from bench.machine import Pinning
from bench.network.link import Link
from bench.network.path import downlink, set_up, uplink
from bench.network.precision import Finding, received_ns, received_rate, table
from bench.network.profile import LOOPBACK, PROFILES, BadProfile, Profile, names, parse
from bench.runner.session import Session
from commands import command_line
from commands.errors import ExitCode, UsageError

MESSAGE_BYTES = 64
MESSAGES = 300
PAUSE_S = 0.003
CONNECTIONS = 30
STREAM_S = 0.6
STREAM_BYTES_AT_LEAST = 100_000
SEED = 1

Pair = tuple[socket.socket, socket.socket]
"""The consumer's socket and the producer's, with the relay in between."""
Stamps = list[tuple[int, int]]


def receive(sock: socket.socket, size_bytes: int) -> Stamps:
    """Receive so many bytes; for each time some came, the time and how many had come by then."""
    stamps: Stamps = []
    total_bytes = 0
    while total_bytes < size_bytes and (data := sock.recv(1 << 18)):
        total_bytes += len(data)
        stamps.append((perf_counter_ns(), total_bytes))
    return stamps


class Ends:
    """Both ends of a network: what connects through the relay, and what accepts behind it."""

    def __init__(self, listener: socket.socket, relay_port: int, pool: ThreadPoolExecutor) -> None:
        self._listener = listener
        self._relay_port = relay_port
        self._pool = pool

    def connected(self) -> Pair:
        """A connection that is set up: a byte has gone each way."""
        consumer = socket.create_connection(("127.0.0.1", self._relay_port))
        consumer.sendall(b"x")
        producer, _ = self._listener.accept()
        for sock in (consumer, producer):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        producer.recv(1)
        producer.sendall(b"x")
        consumer.recv(1)
        return consumer, producer

    def set_up_late_ns(self, profile: Profile) -> list[int]:
        """How much later than the model says the first byte of fresh connections comes, each sent at once."""
        found = []
        for _ in range(CONNECTIONS):
            began_ns = perf_counter_ns()
            with socket.create_connection(("127.0.0.1", self._relay_port)) as consumer:
                consumer.sendall(b"x")
                producer, _ = self._listener.accept()
                with producer:
                    producer.recv(1)
                    came_ns = perf_counter_ns()
            (piece,) = uplink(profile, SEED).send(1, set_up(profile, began_ns).consumer_may_send_ns)
            found.append(came_ns - piece.delivered_ns)
        return found

    def measure(self, network: str, direction: str, profile: Profile) -> Finding:
        """One direction, one message after the other, then a stream."""
        up = direction == "up"
        link = (uplink if up else downlink)(profile, SEED)
        rate = profile.up_bits_per_second if up else profile.down_bits_per_second
        consumer, producer = self.connected()
        with closing(consumer), closing(producer):
            sender, receiver = (consumer, producer) if up else (producer, consumer)
            delay_ns, late_ns = self._messages(sender, receiver, link)
            found_rate = None if rate is None else self._stream(sender, receiver, rate)
        steps = set_up(profile, 0)
        return Finding(
            network=network,
            direction=direction,
            delay_ns=delay_ns,
            late_ns=late_ns,
            set_up_ns=steps.producer_may_send_ns,
            set_up_late_ns=self.set_up_late_ns(profile),
            bits_per_second=rate,
            bits_per_second_found=found_rate,
        )

    def _messages(self, sender: socket.socket, receiver: socket.socket, link: Link) -> tuple[int, list[int]]:
        receiving = self._pool.submit(receive, receiver, MESSAGES * MESSAGE_BYTES)
        sent_ns = []
        for _ in range(MESSAGES):
            sent_ns.append(perf_counter_ns())
            sender.sendall(bytes(MESSAGE_BYTES))
            sleep(PAUSE_S)
        came_ns = received_ns(receiving.result(), MESSAGE_BYTES)
        due_ns = [piece.delivered_ns for at_ns in sent_ns for piece in link.send(MESSAGE_BYTES, at_ns)]
        delays_ns = [due - sent for due, sent in zip(due_ns, sent_ns, strict=True)]
        return sum(delays_ns) // MESSAGES, [came - due for came, due in zip(came_ns, due_ns, strict=True)]

    def _stream(self, sender: socket.socket, receiver: socket.socket, rate: int) -> float:
        size_bytes = max(STREAM_BYTES_AT_LEAST, round(rate * STREAM_S / 8))
        receiving = self._pool.submit(receive, receiver, size_bytes)
        sender.sendall(bytes(size_bytes))
        return received_rate(receiving.result())


async def measure(network: str, on_finding: Callable[[Finding], None]) -> None:
    """Both directions of a network, through a relay process of its own."""
    profile = parse(network)
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        async with Session(Pinning((), ())) as session:
            relay = await session.start_relay(network, [address], SEED)
            ends = Ends(listener, int(relay.addresses[0].rpartition(":")[2]), pool)
            for direction in ("up", "down"):
                on_finding(await asyncio.to_thread(ends.measure, network, direction, profile))


app = command_line.application("Measure how true the relay is to its model.")


@app.command()
def accuracy(
    network: Annotated[
        list[str] | None, typer.Option(metavar="NETWORKS", help="Names, or rtt=40ms,down=20mbit,…; all profiles.")
    ] = None,
) -> int:
    """Measure delay, set-up and rate of networks, and print how far they are from what was wanted."""
    try:
        chosen = [name for name in names(network or list(PROFILES)) if name != LOOPBACK]
    except BadProfile as error:
        raise UsageError(f"--network: {error}") from None
    found: list[Finding] = []
    for name in chosen:
        asyncio.run(measure(name, found.append))
    sys.stdout.write(table(found))
    return ExitCode.FINE if all(finding.good for finding in found) else ExitCode.UNTRUSTED


def main() -> int:
    """Run the command line and return its exit code."""
    return command_line.run(app, "python -m bench.network.accuracy")


if __name__ == "__main__":
    sys.exit(main())
