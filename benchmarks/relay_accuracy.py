"""How exactly the relay keeps delays and rates: `python -m benchmarks.relay_accuracy`. Best on an idle machine.

Threads of this process send and receive over blocking sockets; the relay is a process of its own, as in a run. The
times at which bytes arrive are compared with the times that the network's model computes from when they were sent, on
the same clock. The difference is the error of the relay and of the system together.
"""

import asyncio
import socket
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter_ns, sleep
from typing import Annotated

import typer

from bench.machine import Pinning
from bench.network.link import Link, downlink, set_up, uplink
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

DELAY_OFF_NS_AT_MOST = 1_000_000
SHARE_OFF_AT_MOST = 0.02
"""The allowed error: 1 ms or 2 % of a delay, whichever is more; 2 % of a rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One direction of one network."""

    network: str
    direction: str
    delay_ns: int
    """As the model computes it, the mean over all messages."""
    late_ns: Sequence[int]
    """For each message, how much later than in the model it was received."""
    set_up_ns: int
    """From connecting to the first byte's delivery."""
    set_up_late_ns: Sequence[int]
    bits_per_second: int | None
    """The rate of the network; None: unlimited, and not measured."""
    bits_per_second_found: float | None

    @property
    def rate_off(self) -> float | None:
        """The error of the rate as a share."""
        if self.bits_per_second is None or self.bits_per_second_found is None:
            return None
        return self.bits_per_second_found / self.bits_per_second - 1

    @property
    def good(self) -> bool:
        """Whether delay (p99 of messages), set-up (median of connections) and rate are within the allowed error."""
        delays = ((self.late_p99_ns, self.delay_ns), (median(self.set_up_late_ns), self.set_up_ns))
        return abs(self.rate_off or 0.0) <= SHARE_OFF_AT_MOST and all(
            abs(late_ns) <= max(DELAY_OFF_NS_AT_MOST, SHARE_OFF_AT_MOST * wanted_ns) for late_ns, wanted_ns in delays
        )

    @property
    def late_p99_ns(self) -> float:
        """The 99th percentile of the lateness of messages."""
        return quantiles(self.late_ns, n=100, method="inclusive")[-1]


def received_rate(stamps: Sequence[tuple[int, int]]) -> float:
    """Bits per second of a stream, from pairs of time in nanoseconds and bytes received by then.

    The first pair only starts the clock, since it is not known when its bytes began to arrive.
    """
    (began_ns, before_bytes), (ended_ns, all_bytes) = stamps[0], stamps[-1]
    return (all_bytes - before_bytes) * 8e9 / (ended_ns - began_ns)


def received_ns(stamps: Sequence[tuple[int, int]], size_bytes: int) -> list[int]:
    """When each message of `size_bytes` was complete, from the same pairs."""
    found: list[int] = []
    for at_ns, total_bytes in stamps:
        found += [at_ns] * (total_bytes // size_bytes - len(found))
    return found


HEADER = (
    "network",
    "direction",
    "delay",
    "late p50",
    "late p99",
    "set-up",
    "late p50",
    "rate",
    "found",
    "off",
    "within 1 ms or 2 %",
)


Pair = tuple[socket.socket, socket.socket]
"""The sockets of consumer and producer, with the relay in between."""
Stamps = list[tuple[int, int]]


def receive(sock: socket.socket, size_bytes: int) -> Stamps:
    """Receive `size_bytes`. Returns the time of each arrival with the bytes received by then."""
    stamps: Stamps = []
    total_bytes = 0
    while total_bytes < size_bytes and (data := sock.recv(1 << 18)):
        total_bytes += len(data)
        stamps.append((perf_counter_ns(), total_bytes))
    return stamps


class Ends:
    """Both ends of a network: one connects through the relay, the other accepts behind it."""

    def __init__(self, listener: socket.socket, relay_port: int, pool: ThreadPoolExecutor) -> None:
        self._listener = listener
        self._relay_port = relay_port
        self._pool = pool

    def connected(self) -> Pair:
        """A connection over which a byte has gone each way."""
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
        """How much later than in the model the first byte of each new connection arrives, when it is sent at once."""
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
        """Measure one direction: one message after the other, then a stream."""
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
    """Measure both directions of a network through a relay process of its own."""
    profile = parse(network)
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        async with Session(Pinning((), ())) as session:
            relay = await session.start_relay(network, [address], SEED)
            ends = Ends(listener, int(relay.addresses[0].rpartition(":")[2]), pool)
            for direction in ("up", "down"):
                on_finding(await asyncio.to_thread(ends.measure, network, direction, profile))


def table(findings: Sequence[Finding]) -> str:
    """All findings as a Markdown table: delays in milliseconds, rates in Mbit/s."""
    rows = [HEADER, tuple("---" for _ in HEADER), *(_row(finding) for finding in findings)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(found: Finding) -> tuple[str, ...]:
    rated = found.bits_per_second is not None and found.bits_per_second_found is not None
    return (
        found.network,
        found.direction,
        _ms(found.delay_ns),
        _ms(median(found.late_ns)),
        _ms(found.late_p99_ns),
        _ms(found.set_up_ns),
        _ms(median(found.set_up_late_ns)),
        f"{found.bits_per_second / 1e6:g}" if rated and found.bits_per_second else "no limit",
        f"{found.bits_per_second_found / 1e6:.2f}" if rated and found.bits_per_second_found else "–",
        f"{found.rate_off:+.2%}" if found.rate_off is not None else "–",
        "yes" if found.good else "no",
    )


def _ms(time_ns: float) -> str:
    return f"{time_ns / 1e6:.3f}"


app = command_line.application("Measure how exactly the relay keeps the delays and rates of its networks.")


@app.command()
def accuracy(
    network: Annotated[
        list[str] | None, typer.Option(metavar="NETWORKS", help="Names, or rtt=40ms,down=20mbit,…; all profiles.")
    ] = None,
) -> int:
    """Measure delay, set-up and rate of networks, and print how far they are from those asked for."""
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
    return command_line.run(app, "python -m benchmarks.relay_accuracy")


if __name__ == "__main__":
    sys.exit(main())
