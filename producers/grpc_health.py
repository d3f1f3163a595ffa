"""Health of a gRPC producer: the standard protocol, grpc.health.v1.

The library's servicer keeps a Watch open after it has sent NOT_SERVING, so a stopping server would wait for it until
the drain time is over. Here a Watch ends with NOT_SERVING.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
HEALTH = f"/{SERVICE}/"
"""How the methods of the service begin."""
_Status = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):
    """SERVING for the given services, and for "", the whole server, until `shut_down`."""

    def __init__(self, services: Iterable[str]) -> None:
        self._services = frozenset(("", *services))
        self._shutting_down = asyncio.Event()

    def shut_down(self) -> None:
        """Report NOT_SERVING from now on, also to open watches."""
        self._shutting_down.set()

    async def Check(self, request: health_pb2.HealthCheckRequest, context: Any) -> _Status:  # noqa: N802
        """The status of one service. NOT_FOUND if it is unknown."""
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return self._state()

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: object) -> AsyncIterator[_Status]:  # noqa: N802
        """The status of one service, now and when it changes. Streams for unknown services stay open."""
        known = request.service in self._services
        yield self._state() if known else _Status(status=_Status.SERVICE_UNKNOWN)
        await self._shutting_down.wait()
        if known:
            yield _Status(status=_Status.NOT_SERVING)

    def _state(self) -> _Status:
        return _Status(status=_Status.NOT_SERVING if self._shutting_down.is_set() else _Status.SERVING)
