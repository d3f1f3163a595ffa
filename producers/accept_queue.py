"""Before a listener is closed: no new connection, and every connection that the system has accepted is taken in.

The system accepts connections on behalf of a listener and resets those that are still queued when it is closed,
although their callers are connected and may have sent a request. Accepting until the queue is empty is not enough:
another connection may come before the listener is closed. So packets that open a connection are dropped first. Their
callers send them again after a second, and are refused by then.

Works on Linux. Elsewhere, a connection that comes in that moment is reset.
"""

import asyncio
import ctypes
import os
import socket
import stat
import struct
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

OPENING_S = 0.01
"""How long connections that are being opened may take until they are queued: some round trips between machines."""
LONGEST_S = 2.0
"""Give up after this time: nobody accepts."""
POLL_S = 0.001

_SO_ATTACH_FILTER = 26
_BACKLOG_AT = 24
"""Where tcp_info of a listener has the length of its queue (`tcpi_unacked`)."""
_ACCEPT = 0xFFFF_FFFF
_DROPS_SYN = (
    # Each: code, jump if true, jump if false, constant. The packet begins with its TCP header, whose byte 13 has the
    # flags (linux/filter.h, RFC 9293).
    (0x30, 0, 0, 13),
    (0x54, 0, 0, 0x12),
    (0x15, 0, 1, 0x02),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, _ACCEPT),
)
"""A classic BPF program: drop what has SYN without ACK."""


async def take_in_queued(listeners: Sequence[socket.socket]) -> None:
    """Let nobody connect any more, and wait until the queues are empty, so that these listeners can be closed.

    Whoever accepts has to go on accepting meanwhile.
    """
    if not listeners or sys.platform != "linux":
        # Two turns of the event loop take in what is queued now.
        await asyncio.sleep(POLL_S)
        return
    for listener in listeners:
        _drop_opening_packets(listener)
    await asyncio.sleep(OPENING_S)
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_S):
            while any(_queued(listener) for listener in listeners):  # noqa: ASYNC110 - the system has no event for it
                await asyncio.sleep(POLL_S)


def listeners_of_this_process(ports: Collection[int]) -> list[socket.socket]:
    """The sockets that listen on these ports, whoever in this process opened them. To be closed by the caller."""
    if sys.platform != "linux":
        return []
    found: list[socket.socket] = []
    for entry in list(Path("/proc/self/fd").iterdir()):
        number = int(entry.name)
        if any(one.fileno() == number for one in found):
            # A copy that was made here.
            continue
        # It may be closed by now.
        with suppress(OSError):
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            one = socket.socket(fileno=os.dup(number))
            if _listens_on(one, ports):
                found.append(one)
            else:
                one.close()
    return found


def _listens_on(one: socket.socket, ports: Collection[int]) -> bool:
    if one.family not in {socket.AF_INET, socket.AF_INET6} or one.type != socket.SOCK_STREAM:
        return False
    return bool(one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)) and one.getsockname()[1] in ports


def _drop_opening_packets(listener: socket.socket) -> None:
    code = b"".join([struct.pack("HBBI", *each) for each in _DROPS_SYN])
    kept = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HP", len(_DROPS_SYN), ctypes.addressof(kept))
    # A system that refuses it resets what comes in the last moment.
    with suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def _queued(listener: socket.socket) -> int:
    try:
        (length,) = struct.unpack_from("I", listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), _BACKLOG_AT)
    except OSError:
        # It is closed already.
        return 0
    return int(length)
