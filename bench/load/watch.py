"""What a load process watches of itself: how long its event loop stalled, and how many connections were opened.

Whatever holds the loop (a long decode, a garbage collection, another process on its core) delays the timestamps of all
responses that arrive meanwhile.

Connections are counted by the kernel, whatever a client library says. Linux counts those that were opened (ActiveOpens
in /proc/net/snmp), of all programs together, which is quick to read and settles the common case that there were none.
Where the count has changed, /proc/net/tcp (proc(5)) says which they were, including those that were closed within the
last minute (TIME_WAIT).
"""

import asyncio
from pathlib import Path
from time import perf_counter_ns

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
LISTENING = "0A"


def opened_by_anybody() -> int | None:
    """Connections opened in this network namespace since it began; None where the system does not say."""
    try:
        rows = [line.split() for line in COUNTERS.read_text(encoding="ascii").splitlines() if line.startswith("Tcp:")]
        return int(dict(zip(*rows, strict=True))["ActiveOpens"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def far_ends(port: int) -> frozenset[str]:
    """One name for each connection that has `port` at either end: address and port of its other end, in hex.

    On loopback both ends are listed; they count as one connection.
    """
    mark = f":{port:04X}"
    found: set[str] = set()
    for table in TABLES:
        try:
            text = table.read_text(encoding="ascii")
        except OSError:
            continue
        for line in text.splitlines():
            if mark not in line:
                continue
            _, local, remote, state, *_ = line.split()
            if state != LISTENING and remote.endswith(mark):
                found.add(local)
            elif state != LISTENING and local.endswith(mark):
                found.add(remote)
    return frozenset(found)


class ConnectionCount:
    """Counts the connections that are opened to a port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._known = far_ends(port)

    def begin(self) -> None:
        """Count from here on."""
        self._opened_before = opened_by_anybody()

    def opened(self) -> int | None:
        """Connections opened since `begin`; None where the system does not say."""
        now = opened_by_anybody()
        if now is None or self._opened_before is None:
            return None
        if now == self._opened_before:
            return 0
        found = far_ends(self._port)
        new = len(found - self._known)
        self._known = found
        return new
