"""Connections of callers, for servers that accept them outside of Python and show only who sent a call.

How many are open is what the system knows, asked when somebody wants to know. How many there were is how many peers
have sent a call: a connection without a call is not counted.
"""

import threading
from collections.abc import Collection, Iterable

import psutil

from producers.counters import Counters
from producers.producer import ports_of

KNOWN_AT_MOST = 5000
"""Peers to remember before those that are gone are forgotten. A system reuses a port after some ten thousand others."""


class PeerConnections:
    """The connections of callers to some ports of this process."""

    def __init__(self, counters: Counters) -> None:
        counters.connections_open = self.open
        counters.connections_accepted = self.accepted
        self._ports: frozenset[int] = frozenset()
        self._peers: set[str] = set()
        self._accepted = 0
        self._lock = threading.Lock()

    def serve(self, addresses: Iterable[str]) -> None:
        """Count the connections to the ports of these addresses."""
        self._ports = ports_of(addresses)

    def seen(self, peer: str) -> None:
        """Note that a call came from this peer, `…ADDRESS:PORT`."""
        if peer in self._peers:
            return
        with self._lock:
            if len(self._peers) >= KNOWN_AT_MOST:
                self._forget_closed()
            self._peers.add(peer)
            self._accepted += 1

    def open(self) -> int:
        """The number of open connections."""
        with self._lock:
            return self._forget_closed()

    def accepted(self) -> int:
        """The number of connections that have carried a call."""
        return self._accepted

    def _forget_closed(self) -> int:
        ports = open_connections(self._ports)
        self._peers = {peer for peer in self._peers if _port(peer) in ports}
        return len(ports)


def open_connections(ports: Collection[int]) -> set[int]:
    """The ports of the callers that are connected to these ports of this process."""
    return {
        each.raddr.port
        for each in psutil.Process().net_connections("tcp")
        if each.raddr and each.laddr.port in ports and each.status == psutil.CONN_ESTABLISHED
    }


def _port(peer: str) -> int:
    number = peer.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0
