"""Errors of gRPC calls: one status for each domain error, and INTERNAL without details for all others.

By default, grpc.aio would send the class and the text of an exception.
"""

import logging
from dataclasses import dataclass
from typing import Any, Never

import grpc
from google.protobuf.message import DecodeError
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from producers.producer import new_incident
from producers.request_values import BadBody
from recipes.errors import BookIsReadOnly, IdempotencyConflict, InvalidRecipe, RecipeError, RecipeNotFound

log = logging.getLogger(__name__)

DOMAIN = "recipe.RecipeService"
"""The `domain` of every google.rpc.ErrorInfo, within which the reasons below are unique."""

RESOURCE_TYPE = "recipe.Recipe"
"""The `resource_type` of every google.rpc.ResourceInfo; its `resource_name` is the id of the recipe."""

STATUS_AND_REASON: dict[type[Exception], tuple[int, str]] = {
    RecipeNotFound: (code_pb2.NOT_FOUND, "RECIPE_NOT_FOUND"),
    InvalidRecipe: (code_pb2.INVALID_ARGUMENT, "INVALID_RECIPE"),
    IdempotencyConflict: (code_pb2.ALREADY_EXISTS, "IDEMPOTENCY_CONFLICT"),
    BookIsReadOnly: (code_pb2.UNIMPLEMENTED, "READ_ONLY"),
    RecipeError: (code_pb2.FAILED_PRECONDITION, "REFUSED"),
}
"""The status and the reason in its google.rpc.ErrorInfo for each domain error; the last row is for errors without a
row."""


class NoMessage(Exception):
    """The caller ended its side of a unary call without a complete message."""


class MessageOverdue(Exception):
    """The caller sent no message in time. The text is written for the caller."""


class TooMuchMetadata(Exception):
    """The metadata exceeds the limit. The text is written for the caller."""


@dataclass(frozen=True)
class CallStatus(grpc.Status):
    """How a call ends."""

    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, str | bytes], ...] = ()


async def refuse(error: Exception, context: Any) -> Never:
    """End the call with the status for `error`."""
    if isinstance(error, grpc.aio.AbortError):
        # The handler has set a status itself.
        raise error
    await context.abort_with_status(status_of(error))
    raise AssertionError("abort always raises")


def status_of(error: Exception) -> grpc.Status:
    """The status for `error`. An internal error is logged."""
    if isinstance(error, RecipeError):
        return _with_details(_rich_status(error))
    if isinstance(error, DecodeError):
        return CallStatus(grpc.StatusCode.INVALID_ARGUMENT, "the request is not the message type of this method")
    if isinstance(error, BadBody):
        return CallStatus(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    if isinstance(error, NoMessage):
        # gRPC calls this a request cardinality violation, with this status.
        return CallStatus(grpc.StatusCode.UNIMPLEMENTED, "the call has no complete message")
    if isinstance(error, MessageOverdue):
        return CallStatus(grpc.StatusCode.DEADLINE_EXCEEDED, str(error))
    if isinstance(error, TooMuchMetadata):
        return CallStatus(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
    incident = new_incident()
    log.error("incident %s: a call failed", incident, exc_info=error)
    status = status_pb2.Status(code=code_pb2.INTERNAL, message="internal error")
    status.details.add().Pack(error_details_pb2.RequestInfo(request_id=incident))
    return _with_details(status)


def _with_details(status: status_pb2.Status) -> grpc.Status:
    made: grpc.Status = rpc_status.to_status(status)
    return made


def _rich_status(error: RecipeError) -> status_pb2.Status:
    code, reason = next(STATUS_AND_REASON[kind] for kind in type(error).__mro__ if kind in STATUS_AND_REASON)
    status = status_pb2.Status(code=code, message=str(error))
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN))
    if isinstance(error, RecipeNotFound):
        # Consumers read from this which of several ids is unknown.
        resource = error_details_pb2.ResourceInfo(resource_type=RESOURCE_TYPE, resource_name=str(error.recipe_id))
        resource.description = str(error)
        status.details.add().Pack(resource)
    if isinstance(error, InvalidRecipe) and error.field:
        bad_request = error_details_pb2.BadRequest()
        bad_request.field_violations.add(field=error.field, description=str(error))
        status.details.add().Pack(bad_request)
    return status
