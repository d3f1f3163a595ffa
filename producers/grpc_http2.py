"""The gRPC producer: RecipeService with protobuf and with JSON, health and reflection on one grpc.aio server."""

import asyncio
import os
from typing import TYPE_CHECKING, cast

# gRPC's core reads this once, when it is loaded. By default, it would log to stderr what the producer reports anyway.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from producers.counters import Counters
from producers.grpc_call_filter import ALPN, CallFilter
from producers.grpc_guard import GuardedMethods
from producers.grpc_health import SERVICE as HEALTH_SERVICE
from producers.grpc_health import Health
from producers.grpc_json_service import NAME as RECIPES_IN_JSON
from producers.grpc_json_service import JsonRecipeService, add_to_server
from producers.grpc_limits import core_options
from producers.grpc_ports import add_ports, check_gzip_level
from producers.grpc_service import NAME as RECIPES
from producers.grpc_service import RecipeService
from producers.grpc_stop import stop_core
from producers.producer import PortUnavailable, Producer, ports_of
from producers.tls import ServedContext
from protos.recipe_pb2_grpc import add_RecipeServiceServicer_to_server

if TYPE_CHECKING:
    from producers.peer_connections import PeerConnections

LAST_BYTES_S = 2.0
"""How long callers behind the filter may take to read the last data of the core."""


class GrpcHttp2Producer(Producer):
    """Serves recipe.proto."""

    plain_scheme = "grpc"
    tls_scheme = "grpcs"

    has_strict_calls = True

    _server: grpc.aio.Server | None = None
    _filter: CallFilter | None = None
    _health: Health | None = None
    _connections: "PeerConnections | None" = None

    async def start(self) -> list[str]:
        """Listen. Raises PortUnavailable, UnsupportedSetting, TlsFilesUnusable."""
        settings = self.settings
        check_gzip_level(settings)
        server = grpc.aio.server(
            options=core_options(settings), maximum_concurrent_rpcs=settings.limits.calls.concurrent
        )
        self._health = Health([RECIPES, RECIPES_IN_JSON])
        methods = GuardedMethods(settings.limits) if self.counters is None else self._count(self.counters)
        self._methods = methods
        services = cast(grpc.aio.Server, methods)
        add_RecipeServiceServicer_to_server(RecipeService(self.book), services)
        add_to_server(JsonRecipeService(self.book), services)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, services)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(  # type: ignore[no-untyped-call]
            # Without descriptors, such as that of the JSON service, there is nothing to reflect.
            reflection.aio.ReflectionServicer((RECIPES, HEALTH_SERVICE, reflection.SERVICE_NAME)),
            services,
        )
        server.add_generic_rpc_handlers((methods,))
        addresses = await (self._listen_behind_filter(server) if settings.strict_calls else self._listen(server))
        self._server = server
        self._ports = ports_of(addresses)
        if self._connections is not None:
            self._connections.serve(addresses)
        return addresses

    def _count(self, counters: Counters) -> GuardedMethods:
        """Methods that count. What counts takes memory, so it is imported where it is asked for."""
        from producers.grpc_counting import CountedMethods  # noqa: PLC0415

        counted = CountedMethods(self.settings.limits, counters)
        self._connections = counted.counts.connections
        return counted

    async def _listen(self, server: grpc.aio.Server) -> list[str]:
        try:
            addresses = add_ports(self, server)
        except PortUnavailable:
            # A server that never started keeps its ports until the process ends; only a started one can be stopped.
            await server.start()
            await server.stop(None)
            raise
        await server.start()
        return addresses

    async def _listen_behind_filter(self, server: grpc.aio.Server) -> list[str]:
        settings, share_port = self.settings, self.settings.share_port
        context = None
        if settings.tls_port is not None and settings.tls is not None:
            context = ServedContext(settings.tls, alpn=(ALPN,)).context
        try:
            call_filter = CallFilter(settings.limits)
        except OSError as error:
            raise PortUnavailable(
                f"cannot create a directory for the socket of gRPC's core: {error.strerror or error}; "
                "set TMPDIR to a writable directory"
            ) from None
        addresses = []
        try:
            if settings.port is not None:
                port = call_filter.bind(settings.host, settings.port, None, share_port=share_port)
                addresses.append(self.address(port, tls=False))
            if settings.tls_port is not None:
                port = call_filter.bind(settings.host, settings.tls_port, context, share_port=share_port)
                addresses.append(self.address(port, tls=True))
            self._bind_behind(call_filter, server)
        except PortUnavailable:
            await call_filter.close(within_s=0)
            raise
        await server.start()
        await call_filter.listen()
        self._filter = call_filter
        if self.counters is not None:
            self.counters.connections_open = call_filter.open_connections
            self.counters.connections_accepted = call_filter.accepted_connections
        return addresses

    async def stop(self) -> None:
        """Report NOT_SERVING, serve on for `settings.stop_notice_s`, then accept no new calls and wait up to
        `settings.drain_s` for open ones. Connections get a GOAWAY."""
        if self._server is None or self._health is None:
            return
        self._health.shut_down()
        self.note_not_ready()
        await asyncio.sleep(self.settings.stop_notice_s)
        if self._filter is None:
            await stop_core(self._ports, self._methods.hold, self._server.stop, self.settings.drain_s)
        else:
            await self._stop_behind_filter(self._filter, self._server)
        self._server = None

    async def _stop_behind_filter(self, call_filter: CallFilter, server: grpc.aio.Server) -> None:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self.settings.drain_s
        await call_filter.drain(self.settings.drain_s)
        await server.stop(max(0.0, give_up - loop.time()))
        await call_filter.close(LAST_BYTES_S)

    @staticmethod
    def _bind_behind(call_filter: CallFilter, server: grpc.aio.Server) -> None:
        """Let the core listen on the socket of its filter. Raises PortUnavailable."""
        try:
            server.add_insecure_port(f"unix:{call_filter.path}")
        except RuntimeError:
            raise PortUnavailable(
                f"gRPC's core cannot listen on {call_filter.path}; set TMPDIR to a directory with a shorter path"
            ) from None
