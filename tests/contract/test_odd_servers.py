"""Every client makes the same of a server that behaves in unusual ways: it accepts it, or refuses it in the same words.

Each behaviour runs with the library client and the raw client of every protocol on its transport, over real sockets.
What HTTP/1.1 servers write arrives at once, and in pieces.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from bench.clients.base import LoopClient
from bench.clients.registry import load_client
from bench.workloads import GetQuestion
from consumers import causes
from consumers.client import ClientSettings
from consumers.errors import ProducerUnreachable
from consumers.target import Target
from producers.certificates import CertificateFiles
from tests.support import odd_grpc, odd_http1, odd_servers
from tests.support.http2_peer import Peer
from tests.support.odd_servers import Behaviour, Refusal, Tls
from tests.support.scripted_server import MakePeer, Script, running
from tests.support.single_requests import failure_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLIENTS = ("library", "raw")
AMPLE_S = 20.0
STEP_S = 0.002
SHORT_S = 0.5
"""A timeout that is meant to run out."""


def connected_to(port: int) -> bool:
    """Whether this process holds the client's end of a connection to that port."""
    for path in Path("/proc/self/fd").iterdir():
        if not path.is_socket():
            continue
        # One that is not connected has no peer.
        with suppress(OSError), socket.fromfd(int(path.name), socket.AF_INET, socket.SOCK_STREAM) as held:
            if held.getpeername()[1:2] == (port,):
                return True
    return False


async def left(client: LoopClient) -> None:
    """Wait until the client has closed its connections, and knows it: gRPC's core closes them in threads of its own."""
    channel = getattr(client.consumer, "_channel", None)

    def holds_one() -> bool:
        if isinstance(channel, grpc.aio.Channel) and channel.get_state() is grpc.ChannelConnectivity.READY:
            return True
        return connected_to(client.settings.target.port)

    async with asyncio.timeout(AMPLE_S):
        while holds_one():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(STEP_S)


async def check(behaviour: Behaviour, protocol: str, name: str, peer: MakePeer, files: CertificateFiles) -> None:
    """Send requests one after the other, and compare what became of each with what is declared."""
    timeout_s = SHORT_S if any_timeout(behaviour, name) else AMPLE_S
    context = behaviour.tls.context(files.server, files.server_key) if behaviour.tls else None
    async with running(behaviour.script, peer=peer, tls=context) as server:
        settings = ClientSettings(
            target=Target("127.0.0.1", server.port, tls=behaviour.tls is not None),
            gzip=behaviour.gzip,
            ca=files.ca,
            timeout_s=timeout_s,
            connections=1,
        )
        client = load_client(name, protocol, settings)
        assert isinstance(client, LoopClient)
        await client.open()
        try:
            (request,) = client.requests([GetQuestion(1, None)])
            for number in range(odd_servers.REQUESTS):
                failure = await failure_of(client, request)
                expected = behaviour.expected(name, number)
                said = (
                    None
                    if failure is None
                    else (str(failure).removeprefix(f"127.0.0.1:{server.port}: "), type(failure))
                )
                assert said == (None if expected is None else (expected.text, expected.kind)), (protocol, name, number)
                if behaviour.closes_idle:
                    await left(client)
        finally:
            await client.close()
        if behaviour.connections is not None:
            assert len(server.peers) == behaviour.connections, (protocol, name)


def any_timeout(behaviour: Behaviour, name: str) -> bool:
    """Whether a request is meant to run out of time."""
    expected = behaviour.expected(name, 0)
    return expected is not None and "within" in expected.text


def all_of(groups: Mapping[str, Sequence[Behaviour]]) -> list[Behaviour]:
    return [behaviour for behaviours in groups.values() for behaviour in behaviours]


@pytest.mark.parametrize("behaviour", all_of(odd_http1.GROUPS), ids=str)
async def test_http_clients_treat_a_server_alike(behaviour: Behaviour, own_certificates: CertificateFiles) -> None:
    peers = odd_http1.PEERS[:1] if behaviour.at_once else odd_http1.PEERS
    async with asyncio.TaskGroup() as group:
        for protocol in ("http", "graphql"):
            for name in CLIENTS:
                for peer in peers:
                    group.create_task(check(behaviour, protocol, name, peer, own_certificates))


@pytest.mark.parametrize("behaviour", all_of(odd_grpc.GROUPS), ids=str)
async def test_grpc_clients_treat_a_server_alike(behaviour: Behaviour, own_certificates: CertificateFiles) -> None:
    async with asyncio.TaskGroup() as group:
        for name in CLIENTS:
            group.create_task(check(behaviour, "grpc", name, Peer, own_certificates))


def demanding_a_certificate(files: CertificateFiles) -> Script:
    """A server of TLS 1.3 that ends the connection with an alert, because the client has no certificate.

    asyncio's servers send no alert.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(files.server, files.server_key)
    context.load_verify_locations(files.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2", "http/1.1"])

    async def script(peer: odd_http1.Http1Peer) -> None:
        received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(received, sent, server_side=True)
        while True:
            received.write(await peer.reader.read(1 << 16))
            try:
                session.do_handshake()
            except ssl.SSLWantReadError:
                await peer.send(sent.read())
            except ssl.SSLError:
                await peer.send(sent.read())
                return

    return script


async def test_a_demand_for_a_certificate_is_named(own_certificates: CertificateFiles) -> None:
    behaviour = Behaviour(
        does="requires a client certificate",
        rule="RFC 8446, 6.2",
        script=demanding_a_certificate(own_certificates),
        tls=Tls(spoken=False),
        refused=Refusal(f"{causes.HANDSHAKE_FAILED}: tlsv13 alert certificate required", ProducerUnreachable),
        connections=None,
    )
    of_core = Refusal(causes.REFUSED_BY_ALERT, ProducerUnreachable)
    async with asyncio.TaskGroup() as group:
        for protocol in ("http", "graphql", "grpc"):
            for name in CLIENTS:
                each = replace(behaviour, library_differs=of_core if protocol == "grpc" else None)
                group.create_task(check(each, protocol, name, odd_http1.Http1Peer, own_certificates))
