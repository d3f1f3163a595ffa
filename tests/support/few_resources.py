"""`python -m tests.support.few_resources PROTOCOL CLIENT --ports N`, or `--files N`: requests where little is left.

Prints why requests failed, one text a line. With --ports it must run in a network namespace of its own: `unshare -Urn`.
"""

import argparse
import asyncio
import fcntl
import resource
import socket
import struct
from itertools import repeat
from pathlib import Path
from typing import Any

import uvloop

from bench.clients import registry
from bench.clients.base import LoopClient
from bench.clients.library import LibraryClient
from bench.load.closed_loop import run_closed
from bench.load.fresh_connections import FreshConnections
from bench.load.recorder import SliceRecord
from bench.workloads import GetQuestion
from consumers import registry as consumers
from consumers.client import ClientSettings
from tests.support.books import small_book
from tests.support.serving import serving

SIOCSIFFLAGS, UP = 0x8914, 1
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def few_ports(count: int) -> None:
    """Bring up the loopback device of this namespace, and leave so many local ports."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", UP))
    RANGE.write_text(f"40000 {40000 + count - 1}")


def few_files(count: int) -> None:
    """Leave so many open files to this process."""
    opened = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + count, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def client_of(protocol: str, name: str, settings: ClientSettings) -> LoopClient:
    """A client that needs a connection for each caller; of the library, a new one for each call."""
    if name == registry.RAW:
        made: Any = registry.load_client(name, protocol, settings)
        assert isinstance(made, LoopClient)
        return made
    return LibraryClient(protocol, settings, FreshConnections(lambda: consumers.client(protocol, settings)))


async def main(given: argparse.Namespace) -> None:
    """Serve, take away, ask with many callers, and print why they fail."""
    async with serving(given.protocol, small_book()) as producer:
        client = client_of(given.protocol, given.client, producer.client_settings)
        await client.open()
        (request,) = client.requests([GetQuestion(42, None)])
        if given.files:
            few_files(given.files)
        record = SliceRecord()
        await run_closed(
            client,
            repeat(request),
            concurrency=given.callers,
            duration_ns=1,
            requests_at_least=given.callers,
            record=record,
        )
        for cause in record.causes.found():
            print(cause.text, flush=True)


def arguments() -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.few_resources", description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("client")
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--ports", type=int)
    parser.add_argument("--files", type=int)
    return parser.parse_args()


if __name__ == "__main__":
    asked = arguments()
    if asked.ports:
        few_ports(asked.ports)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(asked))
