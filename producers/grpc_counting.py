"""Counts the calls of a gRPC producer. A producer without a metrics port has none of this in its way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from producers.counters import DISCONNECTED, OK, UNKNOWN, Counters, Ended
from producers.grpc_guard import GuardedMethods
from producers.grpc_health import HEALTH
from producers.peer_connections import PeerConnections
from producers.settings import Limits

HTTP_STATUS = 200
"""That of every gRPC response, whatever its gRPC status."""
NAMES: dict[int, str] = {code.value[0]: code.name for code in grpc.StatusCode}


class CallCounts:
    """Counts calls by their contexts, and connections by the peers of the calls."""

    def __init__(self, counters: Counters) -> None:
        self.counters = counters
        self.connections = PeerConnections(counters)

    def begin(self, context: Any) -> None:
        """Count a call that begins."""
        self.connections.seen(context.peer())
        self.counters.begin()

    def end(self, method: str, context: Any, *, failed: bool) -> None:
        """Count a call that ends."""
        code = _name(context.code()) if failed else ""
        if not failed:
            ended = Ended(method, HTTP_STATUS, OK)
        elif code in {"", grpc.StatusCode.OK.name}:
            # No status was set: the caller ended the call, or its connection.
            ended = Ended(method, 0, DISCONNECTED)
        else:
            ended = Ended(method, HTTP_STATUS, code)
        self.counters.end(ended)

    def refused(self, method: str, code: grpc.StatusCode) -> None:
        """Count a call that no handler saw."""
        self.counters.refused(Ended(method, HTTP_STATUS, code.name))


class CountedMethods(GuardedMethods):
    """Wraps handlers that count around those that answer. Health checks are no calls."""

    def __init__(self, limits: Limits, counters: Counters) -> None:
        super().__init__(limits)
        self.counts = CallCounts(counters)
        self._found = ""
        """The method of the handler that was found last, until it begins."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        """Add wrapped handlers for the methods of `service`."""
        super().add_registered_method_handlers(service, handlers)
        for name in handlers:
            method = f"/{service}/{name}"
            self._handlers[method] = self._counted(method, self._handlers[method])

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The handler of a method, or None.

        grpc.aio calls it at once, unless too many calls are open.
        """
        self._count_not_begun()
        method = handler_call_details.method
        handler = super().service(handler_call_details)
        if handler is None:
            self.counts.refused(UNKNOWN, grpc.StatusCode.UNIMPLEMENTED)
        elif handler is not self._handlers[method]:
            self.counts.refused(method, grpc.StatusCode.RESOURCE_EXHAUSTED)
        elif not method.startswith(HEALTH):
            self._found = method
            asyncio.get_running_loop().call_soon(self._count_not_begun)
        return handler

    def _count_not_begun(self) -> None:
        if self._found:
            self.counts.refused(self._found, grpc.StatusCode.RESOURCE_EXHAUSTED)
            self._found = ""

    def _counted(self, method: str, handler: Any) -> Any:
        if handler.stream_unary is not None:
            wrap = self._health_check if method.startswith(HEALTH) else self._call
            return grpc.stream_unary_rpc_method_handler(
                wrap(method, handler.stream_unary), None, handler.response_serializer
            )
        if method.startswith(HEALTH):
            return handler
        return grpc.stream_stream_rpc_method_handler(
            self._stream(method, handler.stream_stream), None, handler.response_serializer
        )

    def _call(self, method: str, behave: Callable[..., Any]) -> Any:
        async def answer(requests: object, context: Any) -> Any:
            self._found = ""
            self.counts.begin(context)
            failed = True
            try:
                response = await behave(requests, context)
                failed = False
            finally:
                self.counts.end(method, context, failed=failed)
            return response

        return answer

    def _stream(self, method: str, behave: Callable[..., Any]) -> Any:
        async def answer(requests: object, context: Any) -> AsyncIterator[Any]:
            self._found = ""
            self.counts.begin(context)
            failed = True
            try:
                async for message in behave(requests, context):
                    yield message
                failed = False
            finally:
                self.counts.end(method, context, failed=failed)

        return answer

    def _health_check(self, method: str, behave: Callable[..., Any]) -> Any:
        async def answer(requests: object, context: Any) -> Any:
            self.counts.counters.health_checked()
            return await behave(requests, context)

        return answer


def _name(code: Any) -> str:
    """The name of a status code, which grpc.aio has as a number and grpcio's threaded server as a grpc.StatusCode."""
    return code.name if isinstance(code, grpc.StatusCode) else NAMES.get(code or 0, "")
