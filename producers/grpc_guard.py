"""Wraps every handler of a gRPC service: reads the request within a deadline, and turns errors into statuses.

`GuardedMethods` wraps handlers while generated code registers them, so that handlers only return a message or raise.

grpc.aio itself waits for the message of a unary call as long as the connection is open. A caller that sends none holds
the slot of a call, and one that ends its stream without a message gets no response. So requests are read here, within a
deadline of the server, independent of the deadline of the caller.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, Never, cast

import grpc
from google.protobuf.message import Message

from producers.grpc_errors import MessageOverdue, NoMessage, TooMuchMetadata, refuse
from producers.grpc_health import HEALTH
from producers.settings import Limits


class RequestReader:
    """Reads the messages of calls. Each has to arrive within `limits.body_timeout_s`.

    One timer checks all waiting calls, four times within that time. A timer for each call would cost more than the rest
    of this class (docs/decisions/0007-grpc-request-deadline.md).
    """

    def __init__(self, limits: Limits) -> None:
        self._timeout_s = limits.body_timeout_s
        self._waiting_since_s: dict[asyncio.Task[Any], float] = {}
        self._overdue: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def one(self, context: Any) -> bytes:
        """The message of a unary call. Further messages are ignored.

        Raises NoMessage and MessageOverdue.
        """
        sent = await self._next(context)
        if sent is grpc.aio.EOF:
            raise NoMessage
        return cast(bytes, sent)

    async def all(self, context: Any) -> AsyncIterator[bytes]:
        """The messages of a stream. Raises MessageOverdue."""
        while (sent := await self._next(context)) is not grpc.aio.EOF:
            yield sent

    async def _next(self, context: Any) -> Any:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._waiting_since_s[task] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._timeout_s / 4, self._look, loop)
        try:
            return await context.read()
        except asyncio.CancelledError:
            if task not in self._overdue:
                raise
            task.uncancel()
            raise MessageOverdue(f"no message arrived within {self._timeout_s:g} s") from None
        finally:
            del self._waiting_since_s[task]
            self._overdue.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        latest_s = loop.time() - self._timeout_s
        for task, since_s in self._waiting_since_s.items():
            if since_s <= latest_s and task not in self._overdue:
                self._overdue.add(task)
                task.cancel()
        self._timer = loop.call_later(self._timeout_s / 4, self._look, loop) if self._waiting_since_s else None


class GuardedMethods(grpc.GenericRpcHandler):
    """Takes the place of a server in `add_…Servicer_to_server`: wraps the handlers, and finds them for the server.

    Registered one by one, every method would have a pending request of its own at gRPC's core, and each call would wait
    for all of them again. This is registered once, as `server.add_generic_rpc_handlers`.
    """

    def __init__(self, limits: Limits) -> None:
        self._requests = RequestReader(limits)
        self._metadata_bytes = limits.calls.metadata_bytes
        self._handlers: dict[str, Any] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The handler of a method, or None.

        Metadata is checked here, where it is at hand. gRPC's core applies this limit once the caller has acknowledged
        its SETTINGS, and 16 MiB before.
        """
        handler = self._handlers.get(handler_call_details.method)
        size = 0
        for name, value in handler_call_details.invocation_metadata:
            size += 32 + len(name) + len(value)
        return handler if size <= self._metadata_bytes or handler is None else self._too_much_metadata()

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Does nothing: generated code registers each handler again by its method's name."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        """Add wrapped handlers for the methods of `service`."""
        for name, handler in handlers.items():
            self._handlers[f"/{service}/{name}"] = self._guarded_handler(handler)

    def hold(self) -> "HeldMethods":
        """Hold all calls from now on that are no health checks or streams."""
        held = HeldMethods()
        self._handlers = {
            method: handler if handler.stream_unary is None or method.startswith(HEALTH) else held.handler(handler)
            for method, handler in self._handlers.items()
        }
        return held

    def _too_much_metadata(self) -> Any:
        async def refused(_: object, context: Any) -> Never:
            text = f"the metadata is larger than {self._metadata_bytes} bytes"
            await refuse(TooMuchMetadata(text), context)

        return grpc.stream_unary_rpc_method_handler(refused, None, None)

    def _guarded_handler(self, handler: Any) -> Any:
        """A handler that reads and parses its request itself, so that all errors are handled in one place.

        For the server every request is a stream, because the handler of a stream can limit the wait for a message.
        """
        if handler.unary_unary is not None:
            return grpc.stream_unary_rpc_method_handler(
                self._unary(handler.unary_unary, handler.request_deserializer), None, handler.response_serializer
            )
        if handler.unary_stream is not None:
            behave = self._of_one(handler.unary_stream, handler.request_deserializer)
        else:
            assert handler.stream_stream is not None, "no service here has client streaming"
            behave = self._of_all(handler.stream_stream, handler.request_deserializer)
        return grpc.stream_stream_rpc_method_handler(_stream(behave), None, handler.response_serializer)

    def _unary(self, behave: Any, parse: Any) -> Any:
        one = self._requests.one

        async def answer(_: object, context: Any) -> Message:
            try:
                return cast(Message, await behave(parse(await one(context)), context))
            except Exception as error:
                failure = error
            return await refuse(failure, context)

        return answer

    def _of_one(self, behave: Any, parse: Any) -> Any:
        async def answer(context: Any) -> AsyncIterator[Message]:
            async for message in behave(parse(await self._requests.one(context)), context):
                yield message

        return answer

    def _of_all(self, behave: Any, parse: Any) -> Any:
        async def parsed(context: Any) -> AsyncIterator[Message]:
            async for sent in self._requests.all(context):
                yield parse(sent)

        return lambda context: behave(parsed(context), context)


class HeldMethods:
    """Calls that wait before they are answered."""

    def __init__(self) -> None:
        self.arrived = 0
        """How many are held."""
        self._released = asyncio.Event()

    def release(self) -> None:
        """Let them go on, and hold no more."""
        self._released.set()

    def handler(self, handler: Any) -> Any:
        """A handler whose calls wait."""
        behave = handler.stream_unary

        async def answer(requests: object, context: Any) -> Any:
            self.arrived += 1
            try:
                await self._released.wait()
            finally:
                self.arrived -= 1
            return await behave(requests, context)

        return grpc.stream_unary_rpc_method_handler(answer, None, handler.response_serializer)


def _stream(behave: Any) -> Any:
    async def answer(_: object, context: Any) -> AsyncIterator[Message]:
        try:
            async for message in behave(context):
                yield message
        except Exception as error:
            failure = error
        else:
            return
        await refuse(failure, context)

    return answer
