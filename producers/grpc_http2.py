"""The gRPC producer: RecipeService with protobuf and with JSON, health and reflection on one grpc.aio server."""

import asyncio
import os
import threading
from collections.abc import Callable
from typing import cast

# gRPC's core reads this once, when it is loaded. By default, it would log to stderr what the producer reports anyway.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from producers.grpc_front import ALPN, CallFront
from producers.grpc_guard import RequestReader, guarded
from producers.grpc_health import SERVICE as HEALTH
from producers.grpc_health import Health
from producers.grpc_json_service import NAME as RECIPES_IN_JSON
from producers.grpc_json_service import JsonRecipeService, add_to_server
from producers.grpc_limits import core_options
from producers.grpc_service import NAME as RECIPES
from producers.grpc_service import RecipeService
from producers.producer import PortUnavailable, Producer, UnsupportedSetting
from producers.settings import TlsFiles
from producers.sockets import check_port
from producers.tls import ServedContext, ServedTlsFiles, TlsMaterial
from protos.recipe_pb2_grpc import add_RecipeServiceServicer_to_server

ONLY_GZIP_LEVEL = 6
"""gRPC's core always compresses at zlib's default level."""

LAST_BYTES_S = 2.0
"""How long callers behind the front may take to read the last data of the core."""


class GrpcHttp2Producer(Producer):
    """Serves recipe.proto."""

    plain_scheme = "grpc"
    tls_scheme = "grpcs"

    has_strict_calls = True

    _server: grpc.aio.Server | None = None
    _front: CallFront | None = None
    _health: Health | None = None

    async def start(self) -> list[str]:
        """Listen. Raises PortUnavailable, UnsupportedSetting, TlsFilesUnusable."""
        settings = self.settings
        if settings.gzip and settings.gzip_level != ONLY_GZIP_LEVEL:
            raise UnsupportedSetting(
                f"gzip level {settings.gzip_level} is not supported: gRPC always uses level {ONLY_GZIP_LEVEL}"
            )
        server = grpc.aio.server(
            options=core_options(settings), maximum_concurrent_rpcs=settings.limits.calls.concurrent
        )
        self._health = Health([RECIPES, RECIPES_IN_JSON])
        services = guarded(server, RequestReader(settings.limits))
        add_RecipeServiceServicer_to_server(RecipeService(self.book), services)
        add_to_server(JsonRecipeService(self.book), services)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, services)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(  # type: ignore[no-untyped-call]
            # Without descriptors, such as that of the JSON service, there is nothing to reflect.
            reflection.aio.ReflectionServicer((RECIPES, HEALTH, reflection.SERVICE_NAME)),
            services,
        )
        addresses = await (self._listen_behind_front(server) if settings.strict_calls else self._listen(server))
        self._server = server
        return addresses

    async def _listen(self, server: grpc.aio.Server) -> list[str]:
        settings = self.settings
        credentials = server_credentials(settings.tls) if settings.tls_port is not None and settings.tls else None
        addresses = []
        try:
            if settings.port is not None:
                addresses.append(self.address(self._bind(server, settings.port, None), tls=False))
            if settings.tls_port is not None:
                addresses.append(self.address(self._bind(server, settings.tls_port, credentials), tls=True))
        except PortUnavailable:
            # A server that never started keeps its ports until the process ends; only a started one can be stopped.
            await server.start()
            await server.stop(None)
            raise
        await server.start()
        return addresses

    async def _listen_behind_front(self, server: grpc.aio.Server) -> list[str]:
        settings, share_port = self.settings, self.settings.share_port
        context = None
        if settings.tls_port is not None and settings.tls is not None:
            context = ServedContext(settings.tls, alpn=(ALPN,)).context
        try:
            front = CallFront(settings.limits)
        except OSError as error:
            raise PortUnavailable(
                f"cannot create a directory for the socket of gRPC's core: {error.strerror or error}; "
                "set TMPDIR to a writable directory"
            ) from None
        addresses = []
        try:
            if settings.port is not None:
                port = front.bind(settings.host, settings.port, None, share_port=share_port)
                addresses.append(self.address(port, tls=False))
            if settings.tls_port is not None:
                port = front.bind(settings.host, settings.tls_port, context, share_port=share_port)
                addresses.append(self.address(port, tls=True))
            self._bind_behind(front, server)
        except PortUnavailable:
            await front.close(within_s=0)
            raise
        await server.start()
        await front.listen()
        self._front = front
        return addresses

    async def stop(self) -> None:
        """Report NOT_SERVING, serve on for `settings.stop_notice_s`, then accept no new calls and wait up to
        `settings.drain_s` for open ones. Connections get a GOAWAY."""
        if self._server is None or self._health is None:
            return
        self._health.shut_down()
        await asyncio.sleep(self.settings.stop_notice_s)
        if self._front is not None:
            self._front.stop_listening()
        await self._server.stop(self.settings.drain_s)
        if self._front is not None:
            await self._front.close(LAST_BYTES_S)
        self._server = None

    @staticmethod
    def _bind_behind(front: CallFront, server: grpc.aio.Server) -> None:
        """Let the core listen on the socket of its front. Raises PortUnavailable."""
        try:
            server.add_insecure_port(f"unix:{front.path}")
        except RuntimeError:
            raise PortUnavailable(
                f"gRPC's core cannot listen on {front.path}; set TMPDIR to a directory with a shorter path"
            ) from None

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
