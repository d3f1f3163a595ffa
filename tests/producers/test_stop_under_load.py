"""A stop under load, of every server, as a process: it is announced, no request is lost, the port is free at once."""

import asyncio
import signal
import socket
from pathlib import Path

import pytest

from consumers.client import ClientSettings
from consumers.registry import client
from consumers.target import parse_target
from producers.certificates import CertificateFiles
from tests.support.implementations import servers
from tests.support.programs import PATIENCE_S, Listening, listening
from tests.support.stop_load import CALLERS, Tally, calls_until_refused, is_ready

Server = tuple[str, str, bool]

all_servers = pytest.mark.parametrize("server", servers())
each_way_to_stop = pytest.mark.parametrize("server", servers(graphql=("default",)))
"""One server of each kind: those of GraphQL are one in this."""


def flags_of(server: Server, files: CertificateFiles | None, *others: str) -> tuple[str, ...]:
    """The flags of a producer that serves TLS if there are files."""
    protocol, name, strict = server
    tls = () if files is None else ("--tls", "--cert", str(files.server), "--key", str(files.server_key))
    own = (*(("--strict-calls",) if strict else ()), "--implementation", name)
    return (protocol, "--port", "0", "--recipes", "generated:50", *tls, *own, *others)


def port_of(producer: Listening) -> int:
    return int(producer.addresses[0].split("/")[2].rpartition(":")[2])


async def stopped(
    server: Server, producer: Listening, ca: Path | None, *, fresh: bool, calls_before: int = 150
) -> Tally:
    """What became of the requests of callers without a pause, between which the producer gets SIGTERM."""
    tally = await calls_until_refused(
        server[0], producer.addresses[0], ca, producer.process.terminate, fresh=fresh, calls_before=calls_before
    )
    assert await asyncio.to_thread(producer.process.wait, PATIENCE_S) == 0
    socket.create_server(("127.0.0.1", port_of(producer))).close()
    assert producer.process.stderr is not None
    assert producer.process.stderr.read() == ""
    return tally


@each_way_to_stop
async def test_a_stop_answers_what_was_sent_on_connections_that_are_kept(server: Server) -> None:
    with listening("producers", *flags_of(server, None)) as producer:
        tally = await stopped(server, producer, None, fresh=False)
    assert tally.lost == {}
    assert tally.refused == CALLERS


@all_servers
async def test_a_stop_with_notice_answers_what_was_sent_on_connections_over_tls_that_it_accepted(
    server: Server, own_certificates: CertificateFiles
) -> None:
    with listening("producers", *flags_of(server, own_certificates, "--stop-notice", "0.2")) as producer:
        tally = await stopped(server, producer, own_certificates.ca, fresh=True, calls_before=60)
    assert tally.lost == {}
    assert tally.refused == CALLERS


async def test_workers_lose_nothing_either() -> None:
    server = ("http", "default", False)
    with listening("producers", *flags_of(server, None, "--workers", "2")) as producer:
        tally = await stopped(server, producer, None, fresh=True)
    assert tally.lost == {}


@each_way_to_stop
async def test_during_the_notice_it_is_not_ready_and_serves_new_callers_until_a_second_signal(server: Server) -> None:
    protocol = server[0]
    with listening("producers", *flags_of(server, None, "--stop-notice", "3600")) as producer:
        (address,) = producer.addresses
        assert await is_ready(protocol, address)
        producer.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            while await is_ready(protocol, address):
                # The signal has not arrived yet.
                pass
        async with client(protocol, ClientSettings(target=parse_target(address))) as consumer:
            assert (await consumer.get(42)).id == 42
        producer.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(producer.process.wait, PATIENCE_S) == 1
        socket.create_server(("127.0.0.1", port_of(producer))).close()


def test_a_stop_right_after_the_start_is_clean() -> None:
    with listening("producers", "grpc", "--port", "0", "--recipes", "generated:50") as producer:
        producer.process.send_signal(signal.SIGTERM)
        assert producer.process.wait(PATIENCE_S) == 0
        assert producer.process.stderr is not None
        assert producer.process.stderr.read() == ""
