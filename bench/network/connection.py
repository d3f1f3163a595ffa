"""One connection through the relay: two sockets. What is read from one is delivered to the other over its lane."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

from bench.network.lane import Lane

READ_BYTES = 1 << 16
READS_AT_ONCE = 16
"""After so many reads, other sockets get their turn."""
UNSENT_BYTES_AT_MOST = 1 << 20
"""Bytes that were delivered but not accepted by the receiver. Beyond these, nothing more is read for it."""
_RESET_ON_CLOSE = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
"""`struct linger`: switched on, no time."""


def prepare(sock: socket.socket) -> None:
    """Make a socket ready: it sends pieces when they are due, without waiting for more."""
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def reset(sock: socket.socket) -> None:
    """Close a socket so that its peer sees a reset."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    sock.close()


class Connection:
    """Both sides. It ends when both have ended, or one was reset; then `on_end` is called, once."""

    def __init__(
        self, consumer: socket.socket, producer: socket.socket, on_end: Callable[["Connection"], None]
    ) -> None:
        self._on_end = on_end
        self.ended = False
        self.consumer_side, self.producer_side = _Side(self, consumer), _Side(self, producer)
        self.consumer_side.other, self.producer_side.other = self.producer_side, self.consumer_side

    def end(self, *, abruptly: bool = False) -> None:
        """Close both sockets; `abruptly`: with a reset."""
        if self.ended:
            return
        self.ended = True
        for side in (self.consumer_side, self.producer_side):
            side.close(abruptly=abruptly)
        self._on_end(self)

    def end_if_finished(self) -> None:
        """Close when both directions have been delivered completely."""
        if self.consumer_side.finished and self.producer_side.finished:
            self.end()


class _Side:
    """One socket: the source of one direction and the destination of the other."""

    other: "_Side"

    def __init__(self, connection: Connection, sock: socket.socket) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._lane: Lane | None = None
        self._lane_allows = False
        self._reading = False
        self._read_all = False
        """Whether the peer sends no more, because it said so or is gone."""
        self._unsent = bytearray()
        self._end_due = False
        self.finished = False
        """Whether all bytes for this side's peer, and their end, have been handed to TCP."""

    def start(self, lane: Lane) -> None:
        """Read, and send what is read over this lane. Does nothing when the connection has ended."""
        if not self._connection.ended:
            self._lane = lane
            lane.join(self)

    def may_send(self, allowed: bool) -> None:
        """Called by the lane: whether it takes more."""
        self._lane_allows = allowed
        self.read_if_allowed()

    def read_if_allowed(self) -> None:
        """Read as long as both the lane and the receiver take more."""
        taken = len(self.other._unsent) <= UNSENT_BYTES_AT_MOST
        wanted = self._lane_allows and taken and not self._read_all and not self._connection.ended
        if wanted != self._reading:
            self._reading = wanted
            if wanted:
                self._loop.add_reader(self._sock, self._on_readable)
            else:
                self._loop.remove_reader(self._sock)

    def _on_readable(self) -> None:
        """Read all there is. libuv reports a reset once and then stops watching, so nothing may be left for later."""
        for _ in range(READS_AT_ONCE):
            if not self._reading:
                return
            try:
                data = self._sock.recv(READ_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self._peer_gone()
                return
            self._read(data)
        self._loop.call_soon(self._on_readable)

    def _read(self, data: bytes) -> None:
        assert self._lane is not None
        if data:
            self._lane.carry(data, self.other.deliver)
            return
        self._read_all = True
        self.read_if_allowed()
        self._lane.leave(self)
        self._lane.carry_end(self.other.deliver_end)

    def _peer_gone(self) -> None:
        """The peer was reset. The reset travels as its bytes do."""
        self._read_all = True
        self.read_if_allowed()
        if self._lane is None:
            self._connection.end(abruptly=True)
            return
        self._lane.leave(self)
        self._lane.carry_end(lambda: self._connection.end(abruptly=True))

    def deliver(self, data: bytes) -> None:
        """Send bytes to the peer."""
        if self._connection.ended or self.finished:
            return
        if self._unsent:
            self._unsent += data
        else:
            sent = self._send(data)
            if sent == len(data):
                return
            self._unsent += data[sent:]
            self._loop.add_writer(self._sock, self._on_writable)
        self.other.read_if_allowed()

    def deliver_end(self) -> None:
        """End the stream to the peer, after everything before it has been sent."""
        self._end_due = True
        self._finish_if_sent()

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            self._drop()
            return len(data)

    def _on_writable(self) -> None:
        del self._unsent[: self._send(self._unsent)]
        if self._connection.ended:
            return
        if not self._unsent:
            self._loop.remove_writer(self._sock)
        self.other.read_if_allowed()
        self._finish_if_sent()

    def _finish_if_sent(self) -> None:
        if self._connection.ended or self.finished or not self._end_due or self._unsent:
            return
        self.finished = True
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        self._connection.end_if_finished()

    def _drop(self) -> None:
        """The peer accepts nothing more, so its bytes are dropped. Its end is found by reading, or here."""
        self.finished = True
        if not self._read_all:
            self._peer_gone()
        else:
            self._connection.end(abruptly=True)

    def close(self, *, abruptly: bool) -> None:
        """Close the socket."""
        if self._lane is not None:
            self._lane.leave(self)
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        if abruptly:
            reset(self._sock)
        else:
            self._sock.close()
