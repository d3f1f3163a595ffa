"""How many connections to a port were opened: read from the kernel, whatever a client library says of itself.

Linux counts connections that were opened (ActiveOpens in /proc/net/snmp), all programs together, which is quick to read
and settles the common case that there were none. Where the count has moved, /proc/net/tcp (proc(5)) tells which they
were, those closed within the last minute included (TIME_WAIT), so that a client which opens one for each request is
found out whether it keeps them or not.
"""

from pathlib import Path

COUNTERS = Path("/proc/net/snmp")
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
LISTENING = "0A"


def opened_by_anybody() -> int | None:
    """Connections opened in this network namespace since it began; None where the system does not tell."""
    try:
        rows = [line.split() for line in COUNTERS.read_text(encoding="ascii").splitlines() if line.startswith("Tcp:")]
        return int(dict(zip(*rows, strict=True))["ActiveOpens"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def far_ends(port: int) -> frozenset[str]:
    """One name for each connection that has `port` at either end: address and port of its other end, in hex.

    On loopback both ends are listed, and are told as one.
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
    """Counts the connections opened to a port from one look to the next."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._known = far_ends(port)

    def begin(self) -> None:
        """Count from here on."""
        self._opened_before = opened_by_anybody()

    def opened(self) -> int | None:
        """Connections opened since `begin`; None where the system does not tell."""
        now = opened_by_anybody()
        if now is None or self._opened_before is None:
            return None
        if now == self._opened_before:
            return 0
        found = far_ends(self._port)
        new = len(found - self._known)
        self._known = found
        return new
