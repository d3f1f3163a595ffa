"""Bodies of HTTP requests, apart from any server: what they may be, and the problems of those that are not."""

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
from producers.settings import Limits


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
