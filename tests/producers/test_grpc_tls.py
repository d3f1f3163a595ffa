"""TLS of the gRPC producer: client certificates, and certificates replaced while it serves."""

import asyncio
import logging
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from hyperframe.frame import SettingsFrame

from consumers.client import ClientSettings
from consumers.errors import ProducerUnreachable
from consumers.grpc_http2 import GrpcHttp2Client
from consumers.target import parse_target
from producers import certificates
from producers.certificates import CertificateFiles
from producers.grpc_http2 import GrpcHttp2Producer
from producers.settings import ProducerSettings, TlsFiles
from tests.support.books import CHICKEN, small_book
from tests.support.raw_http2 import PREFACE


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    return certificates.write(tmp_path / "own")


@pytest.fixture
def others(tmp_path: Path) -> CertificateFiles:
    """Certificates of another authority."""
    return certificates.write(tmp_path / "others")


both = pytest.mark.parametrize("strict", [False, True], ids=["core", "filter"])
"""Whether TLS is that of gRPC's core, or of a filter before it."""


@asynccontextmanager
async def served(files: CertificateFiles, *, strict: bool, client_ca: Path | None = None) -> AsyncIterator[str]:
    tls = TlsFiles(certificate=files.server, key=files.server_key, client_ca=client_ca)
    settings = ProducerSettings(port=None, tls_port=0, tls=tls, strict_calls=strict)
    producer = GrpcHttp2Producer(small_book(), settings)
    (address,) = await producer.start()
    try:
        yield address
    finally:
        await producer.stop()


def consumer(address: str, ca: Path, shown: CertificateFiles | None = None) -> GrpcHttp2Client:
    return GrpcHttp2Client(
        ClientSettings(
            target=parse_target(address),
            ca=ca,
            client_certificate=shown.client if shown else None,
            client_key=shown.client_key if shown else None,
            timeout_s=10,
        )
    )


async def serial(address: str) -> int:
    """The serial number of the certificate that a new connection gets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    target = parse_target(address)
    _, writer = await asyncio.open_connection(target.host, target.port, ssl=context)
    session = writer.get_extra_info("ssl_object")
    assert session.selected_alpn_protocol() == "h2"
    assert session.version() == "TLSv1.3"
    writer.transport.abort()
    return x509.load_der_x509_certificate(session.getpeercert(binary_form=True)).serial_number


def serial_of(files: CertificateFiles) -> int:
    return x509.load_pem_x509_certificate(files.server.read_bytes()).serial_number


@both
async def test_only_clients_with_a_trusted_certificate_are_served(
    files: CertificateFiles, others: CertificateFiles, *, strict: bool
) -> None:
    async with served(files, strict=strict, client_ca=files.ca) as address:
        async with consumer(address, files.ca, files) as known:
            assert await known.get(42) == CHICKEN
        for shown in (None, others):
            async with consumer(address, files.ca, shown) as unknown:
                with pytest.raises(ProducerUnreachable):
                    await unknown.get(42)


@both
async def test_the_client_ca_can_be_replaced(
    files: CertificateFiles, others: CertificateFiles, *, strict: bool
) -> None:
    async with served(files, strict=strict, client_ca=files.ca) as address:
        trusted = files.ca.with_name("server-ca.pem")
        shutil.copy(files.ca, trusted)
        shutil.copy(others.ca, files.ca)
        async with consumer(address, trusted, others) as known:
            assert await known.get(42) == CHICKEN


@both
async def test_a_certificate_replaced_on_disk_is_used_for_new_connections(
    files: CertificateFiles, others: CertificateFiles, caplog: pytest.LogCaptureFixture, *, strict: bool
) -> None:
    first = serial_of(files)
    async with served(files, strict=strict) as address, consumer(address, files.ca) as old:
        assert await old.get(42) == CHICKEN
        assert await serial(address) == first
        shutil.copy(others.server, files.server)
        with caplog.at_level(logging.WARNING, "producers.tls"):
            assert await serial(address) == first
        assert "still serving the previous ones" in caplog.text
        shutil.copy(others.server_key, files.server_key)
        assert await serial(address) == serial_of(others) != first
        # On the connection that was open before.
        assert await old.get(42) == CHICKEN


def resumed(address: str, files: CertificateFiles) -> bool:
    """Whether a second connection resumes the session of the first."""
    context = ssl.create_default_context(cafile=files.ca)
    context.set_alpn_protocols(["h2"])
    target, session = parse_target(address), None
    reused = []
    for _ in range(2):
        with (
            socket.create_connection((target.host, target.port), 10) as plain,
            context.wrap_socket(plain, server_hostname=target.host, session=session) as encrypted,
        ):
            encrypted.sendall(PREFACE + SettingsFrame(0).serialize())
            # A session ticket arrives with the first bytes.
            assert encrypted.recv(9)
            session = encrypted.session
            reused.append(bool(encrypted.session_reused))
    return reused == [False, True]


@both
async def test_sessions_are_resumed(files: CertificateFiles, *, strict: bool) -> None:
    async with served(files, strict=strict) as address:
        assert await asyncio.to_thread(resumed, address, files)
