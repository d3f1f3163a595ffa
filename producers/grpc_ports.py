"""The ports of a gRPC server, and its credentials, whether it is grpc.aio's or the threaded one."""

import threading
from collections.abc import Callable
from typing import Protocol, cast

import grpc

from producers.producer import PortUnavailable, Producer, UnsupportedSetting
from producers.settings import ProducerSettings, TlsFiles
from producers.sockets import check_port
from producers.tls import ServedTlsFiles, TlsMaterial

ONLY_GZIP_LEVEL = 6
"""gRPC's core always compresses at zlib's default level."""


class Server(Protocol):
    """A server of gRPC's core."""

    def add_insecure_port(self, address: str) -> int:
        """Add a port without TLS and return its number."""

    def add_secure_port(self, address: str, server_credentials: grpc.ServerCredentials) -> int:
        """Add a port with TLS and return its number."""


def check_gzip_level(settings: ProducerSettings) -> None:
    """Raise UnsupportedSetting for a level that gRPC's core does not have."""
    if settings.gzip and settings.gzip_level != ONLY_GZIP_LEVEL:
        raise UnsupportedSetting(
            f"gzip level {settings.gzip_level} is not supported: gRPC always uses level {ONLY_GZIP_LEVEL}"
        )


def add_ports(producer: Producer, server: Server) -> list[str]:
    """Add the ports of the settings to a server, and return their addresses, plain before TLS.

    Raises PortUnavailable, TlsFilesUnusable.
    """
    settings = producer.settings
    credentials = server_credentials(settings.tls) if settings.tls_port is not None and settings.tls else None
    addresses = []
    if settings.port is not None:
        addresses.append(producer.address(_bound(settings, server, settings.port, None), tls=False))
    if settings.tls_port is not None:
        addresses.append(producer.address(_bound(settings, server, settings.tls_port, credentials), tls=True))
    return addresses


def _bound(settings: ProducerSettings, server: Server, port: int, credentials: grpc.ServerCredentials | None) -> int:
    if not settings.share_port:
        check_port(settings.host, port)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    try:
        if credentials is None:
            return server.add_insecure_port(f"{host}:{port}")
        return server.add_secure_port(f"{host}:{port}", credentials)
    except RuntimeError:
        raise PortUnavailable(f"cannot listen on {settings.host}:{port}; choose another port, or 0") from None


def server_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """Credentials that check for replaced files at each handshake. Raises TlsFilesUnusable."""
    served = ServedTlsFiles(files)
    # gRPC's core calls `changed` from several threads, one for each handshake.
    lock = threading.Lock()

    def configuration(material: TlsMaterial) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(material.key, material.certificate)], root_certificates=material.client_ca
        )

    configured = served.current()

    def changed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal configured
        with lock:
            material = served.current()
            if material is configured:
                return None
            configured = material
            return configuration(material)

    return grpc.dynamic_ssl_server_credentials(
        configuration(configured),
        # According to the documentation, None means no change; types-grpcio does not allow it.
        cast(Callable[[], grpc.ServerCertificateConfiguration], changed),
        require_client_authentication=files.client_ca is not None,
    )
