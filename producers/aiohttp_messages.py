"""Requests and responses of the producers on aiohttp: reading bodies within limits, sending the negotiated coding."""

import asyncio
import time
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

import msgspec
from aiohttp import HttpVersion, HttpVersion10, HttpVersion11, hdrs, web
from aiohttp.web_protocol import RequestPayloadError

from producers import http_semantics
from producers.counters import OK
from producers.http_messages import (
    media_type_of,
    no_coding,
    no_match,
    no_media_type,
    overdue,
    shared_headers,
    too_large,
    without_coding,
)
from producers.http_problems import Problem
from producers.http_semantics import (
    GZIP,
    IDENTITY,
    JSON,
    PROBLEM_JSON,
    NotAcceptable,
    entity_tag,
    gzipped,
    is_known,
    is_listed,
    preferred_media_type,
)
from producers.settings import Limits, ProducerSettings

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_SAFE = frozenset({"GET", "HEAD"})


def header(request: web.BaseRequest, name: str) -> str | None:
    """The value of a header that is a list. Repeated headers are joined into one list.

    `name` is one of aiohttp.hdrs, which is found without being folded to lower case each time.
    """
    lines = request.headers.getall(name, ())
    return lines[0] if len(lines) == 1 else ", ".join(lines) if lines else None


class WholeResponse(web.StreamResponse):
    """A response that is complete before it is sent. Head and body are written at once.

    It replaces the steps of aiohttp's Response for headers that are set one by one, cookies, hooks and streams, which
    take a quarter of the instructions of a small request.
    """

    outcome = OK
    """What the counters call it: the code of an error, if it is one."""

    def __init__(self, status: int, fields: str, body: bytes | None, *, closes: bool = False) -> None:
        """`fields`: the header fields, each with its CR LF. `body` None: neither a body nor its length."""
        # Without the initializer of the base class, which is for a response that is set up step by step. aiohttp needs
        # `prepare`, `write_eof` and `keep_alive` of a response, and nothing else that depends on it.
        self._begin = f"{status} {_PHRASES[status]}\r\n{fields}"
        self._content = body
        self._keep_alive = False if closes else None

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write the response. Raises ConnectionResetError if the connection is closed."""
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        transport.write(self.encoded(request.version, with_body=request.method != hdrs.METH_HEAD))

    @property
    def status(self) -> int:
        """The status."""
        return int(self._begin[:3])

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: all is written."""

    def encoded(self, version: HttpVersion = HttpVersion11, *, with_body: bool = True) -> bytes:
        """The bytes of the response."""
        connection = ""
        if self._keep_alive:
            if version == HttpVersion10:
                connection = "Connection: keep-alive\r\n"
        elif version == HttpVersion11:
            connection = "Connection: close\r\n"
        body = self._content
        length = "" if body is None else f"Content-Length: {len(body)}\r\n"
        date = http_date(int(time.time()))
        head = f"HTTP/{version[0]}.{version[1]} {self._begin}{length}Date: {date}\r\n{connection}\r\n".encode()
        return head + body if body and with_body else head


@lru_cache(maxsize=1)
def http_date(second: int) -> str:
    """A second of Unix time in the form of the Date header."""
    return formatdate(second, usegmt=True)


def field_lines(headers: Mapping[str, str]) -> str:
    """Header fields, each with its CR LF. Raises ValueError for a value that would end its line."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers):
        raise ValueError("a header field contains a line break")
    return lines


class Responses:
    """Builds the responses of one producer: body, coding, and the headers that all responses share."""

    def __init__(self, settings: ProducerSettings) -> None:
        self._gzip = settings.gzip
        self._gzip_level = settings.gzip_level
        self._shared = field_lines(shared_headers(settings))

    def media_type(self, request: web.BaseRequest, offered: tuple[str, ...]) -> str:
        """The media type of the response, one of `offered`. Raises Problem if the caller accepts none of them."""
        chosen = preferred_media_type(header(request, hdrs.ACCEPT), offered)
        if chosen is None:
            raise no_media_type(offered)
        return chosen

    def coding(self, request: web.BaseRequest) -> str:
        """The content coding of the response. Raises Problem if the caller accepts none that is available."""
        try:
            return http_semantics.negotiated_coding(header(request, hdrs.ACCEPT_ENCODING), gzip_offered=self._gzip)
        except NotAcceptable:
            raise no_coding(gzip_offered=self._gzip) from None

    def response(
        self,
        request: web.BaseRequest,
        body: bytes,
        media_type: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> WholeResponse:
        """A response with `body` in the negotiated coding, or 304 if the caller has it already. Raises Problem."""
        fields, body = self._coded(self.coding(request), body, media_type, headers)
        if status != 200 or request.method not in _SAFE:
            return WholeResponse(status, fields, body)
        tag = entity_tag(body)
        given = request.headers
        if hdrs.IF_MATCH in given and not is_listed(tag, header(request, hdrs.IF_MATCH) or ""):
            raise no_match()
        if hdrs.IF_NONE_MATCH in given and is_known(tag, header(request, hdrs.IF_NONE_MATCH) or ""):
            # RFC 9110, 15.4.5: with those headers of the 200 response that caches need.
            kept = {name: value for name, value in (headers or {}).items() if name == "Cache-Control"}
            return self.without_body(304, {**kept, "ETag": tag})
        return WholeResponse(status, f"{fields}ETag: {tag}\r\n", body)

    def problem(self, request: web.BaseRequest, problem: Problem) -> WholeResponse:
        """A response with the problem as problem+json."""
        return self.refusal(request, problem, msgspec.json.encode(problem.document()), PROBLEM_JSON)

    def refusal(self, request: web.BaseRequest, problem: Problem, body: bytes, media_type: str) -> WholeResponse:
        """A response with the status and headers of a problem, and the given body."""
        try:
            coding = self.coding(request)
        except Problem:
            # The caller accepts no coding at all; identity is the most likely to be understood.
            coding = IDENTITY
        fields, body = self._coded(coding, body, media_type, problem.headers)
        response = WholeResponse(problem.status, fields, body, closes=problem.closes)
        response.outcome = problem.error
        return response

    def unread(self, problem: Problem) -> WholeResponse:
        """A response to bytes that are not a request, so that nothing is known of what the caller accepts. It closes
        the connection."""
        document = msgspec.json.encode(problem.document())
        fields, body = self._coded(IDENTITY, document, PROBLEM_JSON, problem.headers)
        response = WholeResponse(problem.status, fields, body, closes=True)
        response.outcome = problem.error
        return response

    def without_body(self, status: int, headers: Mapping[str, str]) -> WholeResponse:
        """A response without a body."""
        return WholeResponse(status, self._shared + field_lines(headers), None)

    def _coded(self, coding: str, body: bytes, media_type: str, headers: Mapping[str, str] | None) -> tuple[str, bytes]:
        """The header fields, and the body in the coding."""
        fields = f"{self._shared}Content-Type: {media_type}\r\n"
        if headers:
            fields += field_lines(headers)
        if coding != GZIP:
            return fields, body
        return f"{fields}Content-Encoding: {GZIP}\r\n", gzipped(body, self._gzip_level)


def check_length(request: web.BaseRequest, limits: Limits) -> None:
    """Raise Problem if Content-Length exceeds the limit."""
    if request.content_length is not None and request.content_length > limits.body_bytes:
        raise too_large(limits)


async def read_json_body(request: web.Request, limits: Limits) -> bytes:
    """The decoded body of a request whose Content-Type has to be JSON. Raises Problem."""
    body_media_type(request, (JSON,))
    return await read_body(request, limits)


def body_media_type(request: web.Request, accepted: tuple[str, ...]) -> str:
    """The media type of the body, one of `accepted`, which includes JSON. Raises Problem for any other."""
    return media_type_of(request.headers.get(hdrs.CONTENT_TYPE), accepted)


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
        raise overdue(limits) from None
    except web.HTTPRequestEntityTooLarge:
        raise too_large(limits) from None
    except RequestPayloadError:
        raise Problem(400, "the body does not match its Content-Length or Transfer-Encoding", closes=True) from None
    coding = header(request, hdrs.CONTENT_ENCODING)
    return body if coding is None else without_coding(body, coding, limits)
