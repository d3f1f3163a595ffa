"""Health of a gRPC producer by the standard protocol, grpc.health.v1.

The library's servicer keeps a Watch open after it has said NOT_SERVING, and a server that stops waits for it until
the time to drain is over. Here a Watch ends with that answer.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
_Status = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):
    """SERVING for the services named, and for "", the whole server, until `shut_down`."""

    def __init__(self, services: Iterable[str]) -> None:
        self._services = frozenset(("", *services))
        self._shutting_down = asyncio.Event()

    def shut_down(self) -> None:
        """Answer NOT_SERVING from now on, also to everyone who watches."""
        self._shutting_down.set()

    async def Check(self, request: health_pb2.HealthCheckRequest, context: Any) -> _Status:  # noqa: N802
        """The state of one service; NOT_FOUND for an unknown one."""
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service here")
        return self._state()

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: object) -> AsyncIterator[_Status]:  # noqa: N802
        """The state of one service, now and when it changes. An unknown service may come to be, says the protocol."""
        known = request.service in self._services
        yield self._state() if known else _Status(status=_Status.SERVICE_UNKNOWN)
        await self._shutting_down.wait()
        if known:
            yield _Status(status=_Status.NOT_SERVING)

    def _state(self) -> _Status:
        return _Status(status=_Status.NOT_SERVING if self._shutting_down.is_set() else _Status.SERVING)
