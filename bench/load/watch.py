"""What a load process watches of itself: how long its event loop stalled, and how many connections were opened.

Whatever holds the loop (a long decode, a garbage collection, another process on its core) delays the timestamps of all
responses that arrive meanwhile.

Connections are counted by the kernel, whatever a client library says. Linux counts those that were opened (ActiveOpens
in /proc/net/snmp), of all programs together, which is quick to read and settles the common case that there were none.
Where the count has changed, /proc/net/tcp (proc(5)) says which they were, including those that were closed within the
last minute (TIME_WAIT).
"""

import asyncio
import socket
from collections.abc import Collection, Mapping
from os import sysconf
from pathlib import Path
from struct import iter_unpack
from time import monotonic, perf_counter_ns

BEAT_NS = 2_000_000
"""How often the loop should wake the watch. Loops round timers to milliseconds, so a stall is known to about 1 ms."""


class LoopWatch:
    """Finds the longest stall of the running loop. Use as a context manager around what is measured."""

    def __init__(self) -> None:
        self.longest_stall_ns = 0
        """By how much the latest beat was late."""
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> "LoopWatch":
        self._schedule()
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.cancel()
        self._look()

    def _schedule(self) -> None:
        self._due_ns = perf_counter_ns() + BEAT_NS
        self._handle = self._loop.call_later(BEAT_NS / 1e9, self._beat)

    def _beat(self) -> None:
        self._look()
        self._schedule()

    def _look(self) -> None:
        self.longest_stall_ns = max(self.longest_stall_ns, perf_counter_ns() - self._due_ns)


COUNTERS = Path("/proc/net/snmp")
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
TICKS_PER_S = sysconf("SC_CLK_TCK")
TOLERANCE_TICKS = 5
LISTENING, CLOSED = "0A", "06"
"""States of a connection. A closed one is kept for a minute, or until its port is used again."""
_MAPPED = "0000000000000000FFFF0000"
"""The beginning of an IPv4 address in the table of IPv6. A server that listens for both has its ends there."""
_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound to it
"""Where a connection to no particular address goes."""


def opened_by_anybody() -> int | None:
    """Connections opened in this network namespace since it began; None where the system does not say."""
    try:
        rows = [line.split() for line in COUNTERS.read_text(encoding="ascii").splitlines() if line.startswith("Tcp:")]
        return int(dict(zip(*rows, strict=True))["ActiveOpens"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def far_ends(server_ends: Collection[str]) -> dict[str, int | None]:
    """The connections to a server, by address and port of their other end in hex.

    `server_ends`: the server's addresses with its port, in the same form. On loopback both ends of a connection are
    listed; they count as one connection. Of one that was closed, the value says how long it is still kept (TIME_WAIT),
    in ticks.
    """
    marks = {f":{end.rpartition(':')[2]}" for end in server_ends}
    found: dict[str, int | None] = {}
    for table in TABLES:
        try:
            text = table.read_text(encoding="ascii")
        except OSError:
            continue
        for line in text.splitlines():
            if not any(mark in line for mark in marks):
                continue
            _, local, remote, state, _, timer, *_ = line.split()
            local, remote = local.removeprefix(_MAPPED), remote.removeprefix(_MAPPED)
            if state == LISTENING or not (remote in server_ends or local in server_ends):
                continue
            name = local if remote in server_ends else remote
            closed = state == CLOSED and name not in found
            found[name] = int(timer.partition(":")[2], 16) if closed else None
    return found


def opened_between(before: Mapping[str, int | None], after: Mapping[str, int | None], passed_ticks: float) -> int:
    """How many connections are new after so much time at least.

    One from the port of a closed one is new as well. It shows in the time for which it is still kept.
    """
    return sum(
        name not in before
        or (before[name] is not None and (kept is None or kept > (before[name] or 0) - passed_ticks + TOLERANCE_TICKS))
        for name, kept in after.items()
    )


def ends_of(host: str, port: int) -> frozenset[str]:
    """The addresses of a host with a port, as the kernel's tables show them. None of a host that is unknown."""
    try:
        found = socket.getaddrinfo(_UNSPECIFIED.get(host, host), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return frozenset()
    return frozenset(f"{_in_hex(family, str(address[0]))}:{port:04X}" for family, _, _, _, address in found)


def _in_hex(family: int, address: str) -> str:
    """In words of 32 bits in the machine's byte order."""
    packed = socket.inet_pton(family, address.partition("%")[0])
    return "".join(f"{word:08X}" for (word,) in iter_unpack("=I", packed)).removeprefix(_MAPPED)


class ConnectionCount:
    """Counts the connections that are opened to a server between `begin` and `opened`."""

    def __init__(self, host: str, port: int, *, shared: bool) -> None:
        """`shared`: whether other processes, too, may connect to this server. What they opened before `begin` is found
        by reading the tables once more, which takes longer than a slice where there are thousands of connections."""
        self._ends = ends_of(host, port)
        self._shared = shared
        self._look()

    def _look(self) -> None:
        # First the counter: what is opened meanwhile makes the next `begin` look again.
        self._looked_at = opened_by_anybody()
        self._look_began_s = monotonic()
        self._known = far_ends(self._ends)
        self._look_ended_s = monotonic()

    def begin(self) -> None:
        """Count from here on."""
        self._opened_before = opened_by_anybody()
        if self._shared and self._opened_before != self._looked_at:
            self._look()
            self._opened_before = self._looked_at

    def opened(self) -> int | None:
        """Connections opened since `begin`; None where the system does not say."""
        now = opened_by_anybody()
        if now is None or self._opened_before is None:
            return None
        if now == self._opened_before:
            return 0
        known, known_s = self._known, self._look_ended_s
        self._look()
        new = opened_between(known, self._known, (self._look_began_s - known_s) * TICKS_PER_S)
        # Before `begin`, this process itself may have opened some that are new as well.
        return min(new, now - self._opened_before)
