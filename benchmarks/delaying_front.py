"""A front that delays what clients send, and does nothing else: `python -m benchmarks.delaying_front FILE`.

The file says where it listens, where it forwards to, and for how long it holds: `4000 127.0.0.1:4001 300000`.

A thread for each direction of a connection forwards bytes. What comes from the client is held for the delay, which is
waited for without sleeping: a system's timers are late by tens of microseconds.
"""

import socket
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from select import select
from threading import Thread
from time import perf_counter_ns
from typing import Annotated

import typer

from commands import command_line
from commands.errors import UsageError

HOST = "127.0.0.1"
READ_BYTES = 1 << 16


def forward(source: socket.socket, sink: socket.socket, delay_ns: int) -> None:
    """Pass on what comes from `source`, `delay_ns` after it has come, until it ends."""
    held: deque[tuple[int, bytes]] = deque()
    with suppress(OSError):
        while True:
            if not held:
                select([source], [], [])
            with suppress(BlockingIOError):
                data = source.recv(READ_BYTES, socket.MSG_DONTWAIT)
                held.append((perf_counter_ns() + delay_ns, data))
            while held and perf_counter_ns() >= held[0][0]:
                _, data = held.popleft()
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)


def serve(port: int, to: tuple[str, int], delay_ns: int) -> None:
    """Accept connections until the process ends."""
    with socket.create_server((HOST, port)) as listener:
        while True:
            client, _ = listener.accept()
            try:
                producer = socket.create_connection(to)
            except OSError:
                # A producer that has ended takes no connections; its clients see that theirs are closed.
                client.close()
                continue
            for one in (client, producer):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Thread(target=forward, args=(client, producer, delay_ns), daemon=True).start()
            Thread(target=forward, args=(producer, client, 0), daemon=True).start()


app = command_line.application("Forward what clients send, after a delay.")


@app.command()
def delaying_front(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Port, host:port to forward to, nanoseconds.")],
) -> None:
    """Forward to a server until ended."""
    try:
        listens, forwards, holds_ns = file.read_text(encoding="ascii").split()
        host, _, number = forwards.rpartition(":")
        to, port, delay_ns = (host, int(number)), int(listens), int(holds_ns)
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} must have a port, host:port and nanoseconds: {error}") from None
    serve(port, to, delay_ns)


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.delaying_front"))
