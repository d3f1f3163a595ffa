"""Requests and responses of the producers on aiohttp: reading bodies within limits, sending the negotiated coding."""

import asyncio
from collections.abc import Mapping

import msgspec
from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from producers import http_semantics
from producers.http_problems import Problem
from producers.http_semantics import (
    GZIP,
    IDENTITY,
    JSON,
    PROBLEM_JSON,
    BadCoding,
    BodyTooLarge,
    NotAcceptable,
    UnknownCoding,
    content_type,
    entity_tag,
    gzipped,
    is_known,
    is_listed,
    is_utf8_json,
    preferred_media_type,
)
from producers.settings import Limits, ProducerSettings

SERVER = "recipe-lab"

_SAFE = frozenset({"GET", "HEAD"})


def header(request: web.BaseRequest, name: str) -> str | None:
    """The value of a header that is a list. Repeated headers are joined into one list."""
    lines = request.headers.getall(name, ())
    return lines[0] if len(lines) == 1 else ", ".join(lines) if lines else None


class Responses:
    """Builds the responses of one producer: body, coding, and the headers that all responses share."""

    def __init__(self, settings: ProducerSettings, vary: tuple[str, ...] = ()) -> None:
        """`vary`: the request headers besides Accept-Encoding on which responses depend."""
        self._gzip = settings.gzip
        self._gzip_level = settings.gzip_level
        self._headers = {"Server": SERVER, "X-Content-Type-Options": "nosniff"}
        if vary := (*vary, *(["Accept-Encoding"] if settings.gzip else [])):
            self._headers["Vary"] = ", ".join(vary)

    def media_type(self, request: web.BaseRequest, offered: tuple[str, ...]) -> str:
        """The media type of the response, one of `offered`. Raises Problem if the caller accepts none of them."""
        chosen = preferred_media_type(header(request, "Accept"), offered)
        if chosen is None:
            raise Problem(406, f"none of the accepted media types is available; available: {', '.join(offered)}")
        return chosen

    def coding(self, request: web.BaseRequest) -> str:
        """The content coding of the response. Raises Problem if the caller accepts none that is available."""
        try:
            return http_semantics.negotiated_coding(header(request, "Accept-Encoding"), gzip_offered=self._gzip)
        except NotAcceptable:
            offers = "gzip, identity" if self._gzip else "identity"
            raise Problem(406, f"none of the accepted content codings is available; available: {offers}") from None

    def response(
        self,
        request: web.BaseRequest,
        body: bytes,
        media_type: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> web.Response:
        """A response with `body` in the negotiated coding, or 304 if the caller has it already. Raises Problem."""
        response = self._coded(self.coding(request), body, media_type, status, headers)
        if status == 200 and request.method in _SAFE:
            return self._unless_known(request, response)
        return response

    def problem(self, request: web.BaseRequest, problem: Problem) -> web.Response:
        """A response with the problem as problem+json."""
        return self.refusal(request, problem, msgspec.json.encode(problem.document()), PROBLEM_JSON)

    def refusal(self, request: web.BaseRequest, problem: Problem, body: bytes, media_type: str) -> web.Response:
        """A response with the status and headers of a problem, and the given body."""
        try:
            coding = self.coding(request)
        except Problem:
            # The caller accepts no coding at all; identity is the most likely to be understood.
            coding = IDENTITY
        response = self._coded(coding, body, media_type, problem.status, problem.headers)
        if problem.closes:
            response.force_close()
        return response

    def unread(self, problem: Problem) -> web.Response:
        """A response to bytes that are not a request, so that nothing is known of what the caller accepts."""
        response = self._coded(
            IDENTITY, msgspec.json.encode(problem.document()), PROBLEM_JSON, problem.status, problem.headers
        )
        response.force_close()
        return response

    def without_body(self, status: int, headers: Mapping[str, str]) -> web.Response:
        """A response without a body."""
        return web.Response(status=status, headers={**self._headers, **headers})

    def raw(self, problem: Problem) -> bytes:
        """The bytes of `unread`, for a connection without a request. The connection has to be closed after them."""
        response = self.unread(problem)
        response.headers["Content-Length"] = str(len(response.body))  # type: ignore[arg-type]
        response.headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {response.status} {response.reason}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + response.body  # type: ignore[operator]

    def _unless_known(self, request: web.BaseRequest, response: web.Response) -> web.Response:
        assert isinstance(response.body, bytes)
        tag = entity_tag(response.body)
        headers = request.headers
        if "If-Match" in headers and not is_listed(tag, header(request, "If-Match") or ""):
            raise Problem(412, "the current representation does not match If-Match")
        if "If-None-Match" in headers and is_known(tag, header(request, "If-None-Match") or ""):
            # RFC 9110, 15.4.5: with those headers of the 200 response that caches need.
            kept = {name: response.headers[name] for name in ("Cache-Control",) if name in response.headers}
            return self.without_body(304, {**kept, "ETag": tag})
        response.headers["ETag"] = tag
        return response

    def _coded(
        self, coding: str, body: bytes, media_type: str, status: int, headers: Mapping[str, str] | None
    ) -> web.Response:
        sent = {**self._headers, "Content-Type": media_type}
        if headers:
            sent.update(headers)
        if coding == GZIP:
            sent["Content-Encoding"] = GZIP
            body = gzipped(body, self._gzip_level)
        return web.Response(status=status, body=body, headers=sent)


def check_length(request: web.BaseRequest, limits: Limits) -> None:
    """Raise Problem if Content-Length exceeds the limit."""
    if request.content_length is not None and request.content_length > limits.body_bytes:
        raise _too_large(limits)


async def read_json_body(request: web.Request, limits: Limits) -> bytes:
    """The decoded body of a request whose Content-Type has to be JSON. Raises Problem."""
    body_media_type(request, (JSON,))
    return await read_body(request, limits)


def body_media_type(request: web.Request, accepted: tuple[str, ...]) -> str:
    """The media type of the body, one of `accepted`, which includes JSON. Raises Problem for any other."""
    claimed = request.headers.get("Content-Type")
    if is_utf8_json(claimed):
        return JSON
    named = content_type(claimed).media_type if claimed is not None else ""
    if named in accepted and named != JSON:
        return named
    wanted = " or ".join([f"{JSON} in UTF-8", *(each for each in accepted if each != JSON)])
    raise Problem(415, f"the body must be {wanted}", headers={"Accept-Post": ", ".join(accepted)})


async def read_body(request: web.Request, limits: Limits) -> bytes:
    """The body of a request, with its content coding removed. Raises Problem."""
    check_length(request, limits)
    try:
        if request.content.is_eof():
            # All of it has arrived, so there is nothing to wait for.
            body = await request.read()
        else:
            async with asyncio.timeout(limits.body_timeout_s):
                body = await request.read()
    except TimeoutError:
        raise Problem(408, f"the body did not arrive within {limits.body_timeout_s:g} s", closes=True) from None
    except web.HTTPRequestEntityTooLarge:
        raise _too_large(limits) from None
    except RequestPayloadError:
        raise Problem(400, "the body does not match its Content-Length or Transfer-Encoding", closes=True) from None
    coding = header(request, "Content-Encoding")
    if coding is None:
        return body
    try:
        return http_semantics.decoded(body, coding, limits.body_bytes)
    except UnknownCoding:
        raise Problem(
            415,
            "the content coding of the body is not supported; use gzip or identity",
            headers={"Accept-Encoding": "gzip, identity"},
        ) from None
    except BadCoding as error:
        raise Problem(400, str(error)) from None
    except BodyTooLarge:
        raise _too_large(limits) from None


def _too_large(limits: Limits) -> Problem:
    return Problem(413, f"the body is larger than {limits.body_bytes} bytes", closes=True)
