"""What a GraphQL caller is told: errors with a stable `extensions.code`, and nothing of the producer's own faults."""

from graphql import GraphQLError, GraphQLFormattedError, GraphQLSyntaxError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from producers.http_problems import Problem
from recipes.errors import BookIsReadOnly, IdempotencyConflict, InvalidRecipe, RecipeError, RecipeNotFound

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
"""The code for each error of the domain; the last for those to come."""


def refusal(message: str, code: str) -> GraphQLError:
    """An error with a code of its own."""
    return GraphQLError(message, extensions={"code": code})


def origin(error: GraphQLError) -> Exception | None:
    """What was raised in a resolver, or None when GraphQL itself refuses."""
    cause: Exception | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def is_unexpected(error: GraphQLError) -> bool:
    """Whether the error is a fault of the producer, which its log is to tell about and its caller is not."""
    cause = origin(error)
    return cause is not None and not isinstance(cause, RecipeError)


def is_request_error(result: ExecutionResult) -> bool:
    """Whether the operation was refused before any field was resolved; the answer has no `data` then."""
    return bool(result.errors) and (
        isinstance(result, PreExecutionError)
        or (result.data is None and all(error.path is None for error in result.errors or ()))
    )


def shown(error: GraphQLError, result: ExecutionResult) -> GraphQLFormattedError:
    """The error as it stands in the answer."""
    if is_unexpected(error):
        extensions = {"code": INTERNAL, "incident": (error.extensions or {}).get("incident", "")}
        masked = GraphQLError("internal error", error.nodes, path=error.path, extensions=extensions)
        return masked.formatted
    formatted = error.formatted
    told = formatted.setdefault("extensions", {})
    cause = origin(error)
    if isinstance(cause, RecipeError):
        told["code"] = next(CODES[kind] for kind in type(cause).__mro__ if kind in CODES)
        if isinstance(cause, InvalidRecipe) and cause.field:
            told["field"] = cause.field
        if isinstance(cause, RecipeNotFound):
            told["recipeId"] = str(cause.recipe_id)
    elif "code" not in told:
        told["code"] = _code(error, result)
    return formatted


def _code(error: GraphQLError, result: ExecutionResult) -> str:
    if isinstance(error, GraphQLSyntaxError):
        return PARSE_FAILED
    return VALIDATION_FAILED if isinstance(result, PreExecutionError) else BAD_USER_INPUT


def shown_problem(problem: Problem) -> GraphQLFormattedError:
    """What is wrong with a request over HTTP, in GraphQL's form."""
    code = "BAD_REQUEST" if problem.error == "invalid" else problem.error.upper()
    return refusal(problem.detail, code).formatted
