"""HTTP apart from any server: what requests may be, their problems otherwise, and the headers of every response."""

from collections.abc import Collection, Mapping
from typing import Protocol

from producers.http_problems import Problem
from producers.http_semantics import (
    JSON,
    BadCoding,
    BodyTooLarge,
    UnknownCoding,
    content_type,
    decoded,
    is_utf8_json,
)
from producers.settings import Limits, ProducerSettings
from recipes.errors import InvalidRecipe

MOMENTARY = {"Cache-Control": "no-store"}
"""Headers of a response about this process at this moment, which must not be cached."""
READY = b'{"status":"ready"}'
"""The body of a response to a health check."""


def shared_headers(settings: ProducerSettings) -> dict[str, str]:
    """The headers of every response."""
    vary = "Accept, Accept-Encoding" if settings.gzip else "Accept"
    return {"Server": "recipe-lab", "X-Content-Type-Options": "nosniff", "Vary": vary}


class Queried(Protocol):
    """The query of a request."""

    @property
    def query_string(self) -> str:
        """Its text."""

    @property
    def query(self) -> Mapping[str, str]:
        """Its parameters, decoded; a MultiMapping, which has repeated ones repeatedly."""


def query_of(request: Queried, known: Collection[str]) -> Mapping[str, str]:
    """The query parameters. Raises InvalidRecipe for an unknown or repeated one."""
    if not request.query_string:
        return {}
    query = request.query
    for name in query:
        if name not in known:
            raise InvalidRecipe(f"unknown query parameter; known: {', '.join(known) or 'none'}", name)
    if len(query) > len(set(query)):
        raise InvalidRecipe("a query parameter is repeated", next(iter(query)))
    return query


def media_type_of(claimed: str | None, accepted: tuple[str, ...]) -> str:
    """The media type that a Content-Type names, one of `accepted`, which includes JSON. Raises Problem for others."""
    if is_utf8_json(claimed):
        return JSON
    named = content_type(claimed).media_type if claimed is not None else ""
    if named in accepted and named != JSON:
        return named
    wanted = " or ".join([f"{JSON} in UTF-8", *(each for each in accepted if each != JSON)])
    raise Problem(415, f"the body must be {wanted}", headers={"Accept-Post": ", ".join(accepted)})


def without_coding(body: bytes, coding: str, limits: Limits) -> bytes:
    """A body with its content coding removed. Raises Problem."""
    try:
        return decoded(body, coding, limits.body_bytes)
    except UnknownCoding:
        raise Problem(
            415,
            "the content coding of the body is not supported; use gzip or identity",
            headers={"Accept-Encoding": "gzip, identity"},
        ) from None
    except BadCoding as error:
        raise Problem(400, str(error)) from None
    except BodyTooLarge:
        raise too_large(limits) from None


def too_large(limits: Limits) -> Problem:
    """The problem of a body beyond the limit."""
    return Problem(413, f"the body is larger than {limits.body_bytes} bytes", closes=True)


def overdue(limits: Limits) -> Problem:
    """The problem of a body that takes too long to arrive."""
    return Problem(408, f"the body did not arrive within {limits.body_timeout_s:g} s", closes=True)


def no_media_type(offered: tuple[str, ...]) -> Problem:
    """The problem of a request that accepts none of the media types that are offered."""
    return Problem(406, f"none of the accepted media types is available; available: {', '.join(offered)}")


def no_coding(*, gzip_offered: bool) -> Problem:
    """The problem of a request that accepts none of the content codings that are offered."""
    offers = "gzip, identity" if gzip_offered else "identity"
    return Problem(406, f"none of the accepted content codings is available; available: {offers}")


def no_match() -> Problem:
    """The problem of a request whose If-Match names other representations."""
    return Problem(412, "the current representation does not match If-Match")


def stopping() -> Problem:
    """The problem of a request that is not served because the producer is stopping."""
    return Problem(503, "the producer is stopping", error="stopping")
