"""What stands around every handler of a gRPC service: its request comes in time, and its errors become statuses.

`guarded` puts it there while the generated code registers the handlers, so that they themselves only answer or raise.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

import grpc
from google.protobuf.message import Message

from producers.grpc_errors import refuse
from producers.grpc_requests import RequestReader


def guarded(server: grpc.aio.Server, requests: RequestReader) -> grpc.aio.Server:
    """What to give to `add_…Servicer_to_server` in place of the server."""
    return cast(grpc.aio.Server, GuardedRegistration(server, requests))


class GuardedRegistration:
    """The part of a server that generated code sees: takes handlers, and hands them on guarded."""

    def __init__(self, server: grpc.aio.Server, requests: RequestReader) -> None:
        self._server = server
        self._requests = requests

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Nothing to do: generated code registers each handler once more by its method's name."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        """Register guarded handlers for the methods of `service`."""
        wrapped = {name: self._guarded_handler(handler) for name, handler in handlers.items()}
        # In grpc.aio for years, and missing from types-grpcio.
        cast(Any, self._server).add_registered_method_handlers(service, wrapped)

    def _guarded_handler(self, handler: Any) -> Any:
        """The handler, its request still to be read and parsed, so that a bad one can be refused in the same place.

        To the server every request is a stream: of a stream the handler can say how long it waits for a message.
        """
        if handler.unary_unary is not None:
            return grpc.stream_unary_rpc_method_handler(
                self._unary(handler.unary_unary, handler.request_deserializer), None, handler.response_serializer
            )
        if handler.unary_stream is not None:
            behave = self._of_one(handler.unary_stream, handler.request_deserializer)
        else:
            assert handler.stream_stream is not None, "no service here takes a stream and answers with one message"
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
