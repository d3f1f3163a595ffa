"""Errors in GraphQL responses: each has a stable `extensions.code`; internal errors show no details."""

import logging
from collections.abc import Iterable

from graphql import GraphQLError, GraphQLFormattedError, GraphQLSyntaxError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from producers.http_problems import Problem
from producers.producer import new_incident
from recipes.errors import BookIsReadOnly, IdempotencyConflict, InvalidRecipe, RecipeError, RecipeNotFound

log = logging.getLogger(__name__)

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT = "BAD_USER_INPUT"
TOO_COMPLEX = "TOO_COMPLEX"
INTERNAL = "INTERNAL"

CODES: dict[type[RecipeError], str] = {
    RecipeNotFound: "NOT_FOUND",
    InvalidRecipe: BAD_USER_INPUT,
    IdempotencyConflict: "IDEMPOTENCY_CONFLICT",
    BookIsReadOnly: "READ_ONLY",
    RecipeError: "REFUSED",
}
"""The code of each domain error; the last row is for errors without a row of their own."""


def refusal(message: str, code: str) -> GraphQLError:
    """An error with this code."""
    return GraphQLError(message, extensions={"code": code})


def origin(error: GraphQLError) -> Exception | None:
    """The exception of a resolver, or None if GraphQL itself refused the request."""
    cause: Exception | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def is_unexpected(error: GraphQLError) -> bool:
    """Whether the error is internal: its details go into the log and not to the caller."""
    cause = origin(error)
    return cause is not None and not isinstance(cause, RecipeError)


def note_errors(errors: Iterable[GraphQLError], *, suggestions: bool) -> None:
    """Log internal errors, not those of callers; remove suggestions if they are off."""
    for error in errors:
        if is_unexpected(error):
            incident = new_incident()
            (error.extensions or {})["incident"] = incident
            log.error("incident %s: a resolver failed", incident, exc_info=error.original_error)
        if not suggestions:
            error.message = error.message.partition(" Did you mean ")[0]


def is_request_error(result: ExecutionResult) -> bool:
    """Whether the operation was refused before any field was resolved. Then the response has no `data`."""
    return bool(result.errors) and (
        isinstance(result, PreExecutionError)
        or (result.data is None and all(error.path is None for error in result.errors or ()))
    )


def shown(error: GraphQLError, result: ExecutionResult) -> GraphQLFormattedError:
    """The error as it appears in the response."""
    if is_unexpected(error):
        shown_instead = {"code": INTERNAL, "incident": (error.extensions or {}).get("incident", "")}
        masked = GraphQLError("internal error", error.nodes, path=error.path, extensions=shown_instead)
        return masked.formatted
    formatted = error.formatted
    extensions = formatted.setdefault("extensions", {})
    cause = origin(error)
    if isinstance(cause, RecipeError):
        extensions["code"] = next(CODES[kind] for kind in type(cause).__mro__ if kind in CODES)
        if isinstance(cause, InvalidRecipe) and cause.field:
            extensions["field"] = cause.field
        if isinstance(cause, RecipeNotFound):
            extensions["recipeId"] = str(cause.recipe_id)
    elif "code" not in extensions:
        extensions["code"] = _code(error, result)
    return formatted


def code_of(error: GraphQLFormattedError) -> str:
    """The code of an error in a response."""
    return str(error["extensions"]["code"])


def _code(error: GraphQLError, result: ExecutionResult) -> str:
    if isinstance(error, GraphQLSyntaxError):
        return PARSE_FAILED
    return VALIDATION_FAILED if isinstance(result, PreExecutionError) else BAD_USER_INPUT


def shown_problem(problem: Problem) -> GraphQLFormattedError:
    """A problem of the HTTP request as a GraphQL error."""
    code = "BAD_REQUEST" if problem.error == "invalid" else problem.error.upper()
    return refusal(problem.detail, code).formatted
