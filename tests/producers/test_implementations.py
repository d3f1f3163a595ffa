"""Every implementation that is no default, run as a user runs it. tests/contract has what it answers."""

import asyncio
import signal
import socket

import psutil
import pytest

from consumers.client import ClientSettings
from consumers.registry import client
from consumers.target import parse_target
from producers.certificates import CertificateFiles
from producers.registry import DEFAULT, PRODUCERS
from recipes.errors import BookIsReadOnly
from recipes.model import RecipeDraft
from tests.support.implementations import why_skipped
from tests.support.programs import PATIENCE_S, assert_one_line_error, listening, run

ROWS = [(protocol, name) for protocol, rows in PRODUCERS.items() for name in rows if name != DEFAULT]
SMALL = ("--recipes", "generated:50")


@pytest.fixture(params=ROWS, ids="-".join)
def row(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The protocol and the name of an implementation."""
    protocol, name = request.param
    if (reason := why_skipped(protocol, name)) is not None:
        pytest.skip(reason)
    return protocol, name


def flags_of(name: str, *flags: str) -> tuple[str, ...]:
    return ("--implementation", name, "--port", "0", *SMALL, *flags)


async def test_it_serves_plain_and_tls_from_the_process_that_was_started(
    row: tuple[str, str], own_certificates: CertificateFiles
) -> None:
    """So the CPU time of that process is all there is."""
    protocol, name = row
    files = ("--cert", str(own_certificates.server), "--key", str(own_certificates.server_key))
    with listening("producers", protocol, *flags_of(name, "--tls-port", "0", "--gzip", *files), ports=2) as producer:
        assert all(line.endswith(f"pid={producer.process.pid}") for line in producer.lines)
        for address in producer.addresses:
            settings = ClientSettings(target=parse_target(address), ca=own_certificates.ca, gzip=True)
            async with client(protocol, settings) as consumer:
                assert (await consumer.get(42)).name == "Chicken Tikka Masala"
                assert await consumer.pid() == producer.process.pid
        assert psutil.Process(producer.process.pid).children() == []
        assert producer.end() == 0
        assert producer.process.stderr is not None
        assert producer.process.stderr.read() == ""


def test_a_busy_port_is_refused_in_one_line(row: tuple[str, str]) -> None:
    protocol, name = row
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_one_line_error(run("producers", protocol, *flags_of(name)[:2], "--port", port), 2, port)


async def test_workers_share_a_port(row: tuple[str, str]) -> None:
    protocol, name = row
    if PRODUCERS[protocol][name].why_not("workers") is not None:
        pytest.skip("it has no workers")
    with listening("producers", protocol, *flags_of(name, "--workers", "2")) as producer:
        async with client(protocol, ClientSettings(target=parse_target(producer.addresses[0]))) as consumer:
            assert await consumer.pid() != producer.process.pid
            with pytest.raises(BookIsReadOnly):
                await consumer.create(RecipeDraft("new"))
        assert producer.end() == 0


def test_it_stops_with_an_idle_connection(row: tuple[str, str]) -> None:
    protocol, name = row

    async def ask_and_stop(address: str) -> int:
        async with client(protocol, ClientSettings(target=parse_target(address))) as consumer:
            await consumer.get(42)
            producer.process.send_signal(signal.SIGINT)
            return await asyncio.to_thread(producer.process.wait, PATIENCE_S)

    with listening("producers", protocol, *flags_of(name)) as producer:
        assert asyncio.run(ask_and_stop(producer.addresses[0])) == 0
