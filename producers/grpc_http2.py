"""The gRPC producer: RecipeService with health and reflection on one grpc.aio server, on a plain and a TLS port."""

import asyncio
import os
import socket

# gRPC's core reads this once, when it is loaded. What it logs to stderr about a port or a handshake comes beside the
# errors that the producer raises or answers with; whoever wants it sets the variable.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from producers.grpc_errors import guarded
from producers.grpc_health import SERVICE as HEALTH
from producers.grpc_health import Health
from producers.grpc_service import NAME as RECIPES
from producers.grpc_service import RecipeService
from producers.producer import PortUnavailable, Producer, UnsupportedSetting
from producers.settings import ProducerSettings, TlsFiles
from producers.tls import server_context
from protos.recipe_pb2_grpc import add_RecipeServiceServicer_to_server

ONLY_GZIP_LEVEL = 6
"""gRPC's core compresses at zlib's default, and offers no way to choose."""

MAXIMUM_CONCURRENT_STREAMS = 100
"""On one connection; callers queue the rest. Without it, rapid resets cost the server much memory."""

MAXIMUM_ENDED_STREAMS = 10 * MAXIMUM_CONCURRENT_STREAMS
"""On one connection: streams whose answer the caller has, and whose memory is not free yet, because that takes another
turn of the event loop. Unless told, gRPC's core counts them as concurrent, and so refuses streams to callers that keep
within what it advertises as soon as they have as many calls under way as they may."""


class GrpcHttp2Producer(Producer):
    """Serves recipe.proto."""

    plain_scheme = "grpc"
    tls_scheme = "grpcs"

    _server: grpc.aio.Server | None = None
    _health: Health | None = None

    async def start(self) -> list[str]:
        """Listen. Raises PortUnavailable, UnsupportedSetting, TlsFilesUnusable."""
        settings = self.settings
        if settings.gzip and settings.gzip_level != ONLY_GZIP_LEVEL:
            raise UnsupportedSetting(
                f"gzip level {settings.gzip_level}: gRPC compresses at {ONLY_GZIP_LEVEL} only; leave it out"
            )
        credentials = server_credentials(settings.tls) if settings.tls_port is not None and settings.tls else None
        server = grpc.aio.server(options=server_options(settings))
        self._health = Health([RECIPES])
        services = guarded(server)
        add_RecipeServiceServicer_to_server(RecipeService(self.book), services)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, services)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(  # type: ignore[no-untyped-call]
            reflection.aio.ReflectionServicer((RECIPES, HEALTH, reflection.SERVICE_NAME)), services
        )
        addresses = []
        try:
            if settings.port is not None:
                addresses.append(self.address(self._bind(server, settings.port, None), tls=False))
            if settings.tls_port is not None:
                addresses.append(self.address(self._bind(server, settings.tls_port, credentials), tls=True))
        except PortUnavailable:
            # A server that never started keeps its ports for as long as the process lives: to stop it does nothing.
            await server.start()
            await server.stop(None)
            raise
        await server.start()
        self._server = server
        return addresses

    async def stop(self) -> None:
        """Report NOT_SERVING, serve on for `settings.stop_notice_s`, then take no new calls, and wait up to
        `settings.drain_s` for those under way. Connections get a GOAWAY."""
        if self._server is None or self._health is None:
            return
        self._health.shut_down()
        await asyncio.sleep(self.settings.stop_notice_s)
        await self._server.stop(self.settings.drain_s)
        self._server = None

    def _bind(self, server: grpc.aio.Server, port: int, credentials: grpc.ServerCredentials | None) -> int:
        """Add a port to the server and return its number. Raises PortUnavailable."""
        settings = self.settings
        if not settings.share_port:
            check_port(settings.host, port)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        try:
            if credentials is None:
                return server.add_insecure_port(f"{host}:{port}")
            return server.add_secure_port(f"{host}:{port}", credentials)
        except RuntimeError:
            raise PortUnavailable(f"cannot listen on {settings.host}:{port}; choose another port, or 0") from None


def server_options(settings: ProducerSettings) -> list[tuple[str, int]]:
    """The arguments of the channels of a server."""
    return [
        ("grpc.so_reuseport", int(settings.share_port)),
        # Level 1 ("low") means gzip for whoever accepts it; the levels above prefer deflate where that is accepted too.
        # What a caller does not accept it does not get, unlike with a server-wide `compression=Gzip`.
        ("grpc.default_compression_level", int(settings.gzip)),
        ("grpc.max_receive_message_length", settings.limits.body_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_concurrent_streams", MAXIMUM_CONCURRENT_STREAMS),
        ("grpc.http2.max_deallocating_streams", MAXIMUM_ENDED_STREAMS),
        # Closes connections that stay silent instead of shaking hands.
        ("grpc.server_handshake_timeout_ms", int(settings.limits.body_timeout_s * 1000)),
    ]


def server_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """The certificate and the key to serve. Raises TlsFilesUnusable."""
    # gRPC would say no more than that the port cannot be added; OpenSSL tells what is wrong with the files.
    server_context(files, alpn=("h2",))
    return grpc.ssl_server_credentials([(files.key.read_bytes(), files.certificate.read_bytes())])


def check_port(host: str, port: int) -> None:
    """Raise PortUnavailable, with the system's reason, unless every address of `host` can be bound.

    gRPC gives no reason, and is content when one of several addresses, such as those of localhost, is free.
    """
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except OSError as error:
        reason = error.strerror or str(error)
        raise PortUnavailable(f"cannot listen on {host}:{port}: {reason}; choose another port, or 0") from None
