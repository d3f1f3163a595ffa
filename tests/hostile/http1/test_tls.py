"""TLS over HTTP/1.1: versions, resumption, client certificates, files replaced on disk; and the shutdown."""

import shutil
import socket
import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from producers import certificates
from producers.certificates import CertificateFiles
from tests.support.programs import Listening, listening

GET = b"GET /health HTTP/1.1\r\nHost: lab\r\n\r\n"
PROTOCOLS = ("http", "graphql")


@contextmanager
def serving_tls(protocol: str, files: CertificateFiles, *flags: str) -> Iterator[Listening]:
    tls = ("--tls", "--port", "0", "--cert", str(files.server), "--key", str(files.server_key))
    with listening("producers", protocol, *tls, "--recipes", "generated:50", *flags) as producer:
        yield producer


def port_of(producer: Listening) -> int:
    return int(producer.addresses[0].split("/")[2].rpartition(":")[2])


def context_for(files: CertificateFiles, **versions: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=files.ca)
    context.set_alpn_protocols(["h2", "http/1.1"])
    for name, version in versions.items():
        setattr(context, name, version)
    return context


@contextmanager
def connected(
    producer: Listening, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> Iterator[ssl.SSLSocket]:
    with (
        socket.create_connection(("127.0.0.1", port_of(producer)), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="localhost", session=session) as encrypted,
    ):
        yield encrypted


def healthy(encrypted: ssl.SSLSocket) -> bool:
    encrypted.sendall(GET)
    return encrypted.recv(1000).startswith(b"HTTP/1.1 200 ")


def serial(encrypted: ssl.SSLSocket) -> object:
    shown = encrypted.getpeercert()
    assert shown is not None
    return shown["serialNumber"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_versions_suites_alpn_and_resumption(protocol: str, own_certificates: CertificateFiles) -> None:
    v1_2, v1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    with serving_tls(protocol, own_certificates) as producer:
        for version, name in ((v1_2, "TLSv1.2"), (v1_3, "TLSv1.3")):
            context = context_for(own_certificates, minimum_version=version, maximum_version=version)
            with connected(producer, context) as first:
                assert (first.version(), first.selected_alpn_protocol()) == (name, "http/1.1")
                assert healthy(first)
                session = first.session
            with connected(producer, context, session) as again:
                assert again.session_reused
                assert healthy(again)
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname = False
        old.verify_mode = ssl.CERT_NONE
        # At higher levels OpenSSL itself does not offer the old suites.
        old.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old.minimum_version = ssl.TLSVersion.TLSv1
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError), connected(producer, old):
            pass
        weak = context_for(own_certificates, maximum_version=v1_2)
        weak.set_ciphers("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:AES128-SHA")
        with pytest.raises(ssl.SSLError), connected(producer, weak):
            pass
        assert producer.end() == 0


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_clients_without_a_trusted_certificate_are_refused(
    protocol: str, own_certificates: CertificateFiles, tmp_path: Path
) -> None:
    other = certificates.write(tmp_path)
    with serving_tls(protocol, own_certificates, "--client-ca", str(own_certificates.ca)) as producer:
        for files in (None, other):
            context = context_for(own_certificates)
            if files is not None:
                context.load_cert_chain(files.client, files.client_key)
            answered = False
            # In TLS 1.3 the client has finished before the server looks at its certificate.
            with suppress(ssl.SSLError, ConnectionError), connected(producer, context) as refused:
                answered = healthy(refused)
            assert not answered
        context = context_for(own_certificates)
        context.load_cert_chain(own_certificates.client, own_certificates.client_key)
        with connected(producer, context) as welcome:
            assert healthy(welcome)
        assert producer.end() == 0


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_certificates_can_be_replaced_while_serving_and_invalid_ones_are_not_used(
    protocol: str, tmp_path: Path
) -> None:
    files = certificates.write(tmp_path / "served")
    newer = certificates.write(tmp_path / "newer")
    with serving_tls(protocol, files) as producer, connected(producer, context_for(files)) as old:
        first = serial(old)
        former = context_for(files)
        for source, target in ((newer.server, files.server), (newer.server_key, files.server_key)):
            shutil.copyfile(source, target)
        with connected(producer, context_for(newer)) as exchanged:
            assert serial(exchanged) != first
            assert healthy(exchanged)
        with pytest.raises(ssl.SSLCertVerificationError), connected(producer, former):
            pass
        assert healthy(old), "connections live on"
        files.server.write_text("nothing")
        with connected(producer, context_for(newer)) as kept:
            assert serial(kept) != first
            assert healthy(kept)
        assert producer.end() == 0
        assert producer.process.stderr is not None
        said = producer.process.stderr.read()
    assert said.count("TLS files have changed and are unusable; still serving the previous ones") >= 1
    assert "Traceback" not in said
