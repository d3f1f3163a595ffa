"""What a gRPC caller is told when a call fails: the domain's errors each as one status, and nothing of any other.

`guarded` puts this around every handler of a service while the generated code registers it, so that the
handlers themselves only raise. Left alone, grpc.aio would answer with the class and the text of an exception.
"""

import logging
from collections.abc import AsyncIterator, Iterable
from typing import Any, Never, cast

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from recipes.errors import BookIsReadOnly, IdempotencyConflict, InvalidRecipe, RecipeError, RecipeNotFound

log = logging.getLogger(__name__)

DOMAIN = "recipe.RecipeService"
"""The `domain` of every google.rpc.ErrorInfo: within it the reasons below are unique."""

RESOURCE_TYPE = "recipe.Recipe"
"""The `resource_type` of every google.rpc.ResourceInfo; its `resource_name` is the id of the recipe."""

STATUS_AND_REASON: dict[type[Exception], tuple[int, str]] = {
    RecipeNotFound: (code_pb2.NOT_FOUND, "RECIPE_NOT_FOUND"),
    InvalidRecipe: (code_pb2.INVALID_ARGUMENT, "INVALID_RECIPE"),
    IdempotencyConflict: (code_pb2.ALREADY_EXISTS, "IDEMPOTENCY_CONFLICT"),
    BookIsReadOnly: (code_pb2.UNIMPLEMENTED, "READ_ONLY"),
    RecipeError: (code_pb2.FAILED_PRECONDITION, "REFUSED"),
}
"""The status, and the reason in its google.rpc.ErrorInfo, for each error of the domain; the last for those to come."""


def guarded(server: grpc.aio.Server) -> grpc.aio.Server:
    """What to give to `add_…Servicer_to_server` in place of the server, so that the handlers' errors are translated."""
    return cast(grpc.aio.Server, GuardedRegistration(server))


class GuardedRegistration:
    """The part of a server that generated code sees: takes handlers, and hands them on guarded."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Nothing to do: generated code registers each handler once more by its method's name."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        """Register guarded handlers for the methods of `service`."""
        wrapped = {name: _guarded_handler(handler) for name, handler in handlers.items()}
        # In grpc.aio for years, and missing from types-grpcio.
        cast(Any, self._server).add_registered_method_handlers(service, wrapped)


def _guarded_handler(handler: Any) -> Any:
    """The handler with its request still to be parsed, so that a bad one can be refused in the same place."""
    if handler.unary_unary is not None:
        return grpc.unary_unary_rpc_method_handler(
            _unary(handler.unary_unary, handler.request_deserializer), None, handler.response_serializer
        )
    if handler.unary_stream is not None:
        return grpc.unary_stream_rpc_method_handler(
            _stream(handler.unary_stream, handler.request_deserializer), None, handler.response_serializer
        )
    assert handler.stream_stream is not None, "no service here takes a stream and answers with one message"
    return grpc.stream_stream_rpc_method_handler(
        _stream(handler.stream_stream, lambda sent: _parsed(sent, handler.request_deserializer)),
        None,
        handler.response_serializer,
    )


def _unary(behave: Any, parse: Any) -> Any:
    async def answer(sent: bytes, context: Any) -> Message:
        try:
            return cast(Message, await behave(parse(sent), context))
        except Exception as error:
            failure = error
        return await _refuse(failure, context)

    return answer


def _stream(behave: Any, parse: Any) -> Any:
    async def answer(sent: Any, context: Any) -> AsyncIterator[Message]:
        try:
            async for message in behave(parse(sent), context):
                yield message
        except Exception as error:
            failure = error
        else:
            return
        await _refuse(failure, context)

    return answer


async def _parsed(sent: AsyncIterator[bytes], parse: Any) -> AsyncIterator[Message]:
    async for one in sent:
        yield parse(one)


async def _refuse(error: Exception, context: Any) -> Never:
    """End the call with the status for `error`."""
    if isinstance(error, grpc.aio.AbortError):
        # The handler chose a status itself, and it is set.
        raise error
    if isinstance(error, RecipeError):
        await context.abort_with_status(rpc_status.to_status(_rich_status(error)))
    if isinstance(error, DecodeError):
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the request is not the message that this method takes")
    log.error("a call failed", exc_info=error)
    await context.abort(grpc.StatusCode.INTERNAL, "internal error")
    raise AssertionError("abort always raises")


def _rich_status(error: RecipeError) -> status_pb2.Status:
    code, reason = next(STATUS_AND_REASON[kind] for kind in type(error).__mro__ if kind in STATUS_AND_REASON)
    status = status_pb2.Status(code=code, message=str(error))
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN))
    if isinstance(error, RecipeNotFound):
        # Read by consumers: which of several ids is unknown stands nowhere else.
        resource = error_details_pb2.ResourceInfo(resource_type=RESOURCE_TYPE, resource_name=str(error.recipe_id))
        resource.description = str(error)
        status.details.add().Pack(resource)
    if isinstance(error, InvalidRecipe) and error.field:
        bad_request = error_details_pb2.BadRequest()
        bad_request.field_violations.add(field=error.field, description=str(error))
        status.details.add().Pack(bad_request)
    return status
