"""Errors over HTTP: problem details (RFC 9457) with a stable `error` code, pure."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from producers.producer import new_incident
from recipes.errors import BookIsReadOnly, IdempotencyConflict, InvalidRecipe, RecipeError, RecipeNotFound

STATUS_AND_ERROR: dict[type[RecipeError], tuple[int, str]] = {
    RecipeNotFound: (404, "not_found"),
    InvalidRecipe: (400, "invalid"),
    IdempotencyConflict: (422, "idempotency_conflict"),
    BookIsReadOnly: (501, "read_only"),
    RecipeError: (422, "refused"),
}
"""Status and `error` code of each domain error; the last row is for errors without a row of their own."""

ERRORS: dict[int, str] = {
    400: "invalid",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    412: "precondition_failed",
    413: "too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    417: "expectation_failed",
    431: "headers_too_large",
    500: "internal",
    503: "unavailable",
    505: "version_not_supported",
}
"""The `error` code of each status that HTTP itself requires."""


class Problem(Exception):
    """A refused request. The detail is written for the caller and contains nothing internal."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        error: str = "",
        field: str = "",
        recipe_id: str = "",
        headers: Mapping[str, str] | None = None,
        incident: str = "",
        closes: bool = False,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.error = error or ERRORS.get(status, "refused")
        self.field = field
        self.recipe_id = recipe_id
        """The unknown id, as the caller wrote it."""
        self.incident = incident
        """The id of an internal error, in the response and in the log."""
        self.headers = headers or {}
        self.closes = closes
        """Whether the response closes the connection, because the rest of the request is not read."""

    def document(self) -> dict[str, object]:
        """The problem as an application/problem+json object."""
        document: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "error": self.error,
        }
        if self.field:
            document["field"] = self.field
        if self.recipe_id:
            document["recipe_id"] = self.recipe_id
        if self.incident:
            document["incident"] = self.incident
        return document


def internal_error(log: logging.Logger, what: str, error: BaseException | None = None) -> Problem:
    """Log an internal error, `error` or the one being handled, and return its problem."""
    incident = new_incident()
    log.error("incident %s: %s", incident, what, exc_info=error or True)
    return Problem(500, "internal error", incident=incident)


def problem_of(error: RecipeError) -> Problem:
    """The problem for a domain error."""
    status, code = next(STATUS_AND_ERROR[kind] for kind in type(error).__mro__ if kind in STATUS_AND_ERROR)
    field = error.field if isinstance(error, InvalidRecipe) else ""
    recipe_id = str(error.recipe_id) if isinstance(error, RecipeNotFound) else ""
    return Problem(status, str(error), error=code, field=field, recipe_id=recipe_id)
