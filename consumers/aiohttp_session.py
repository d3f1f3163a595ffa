"""What the consumers on aiohttp share: a session with persistent connections, and the translation of its errors."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import aiohttp
import msgspec
from aiohttp.abc import ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from consumers import causes, http_rules
from consumers.access import values_by_name
from consumers.client import ClientSettings
from consumers.errors import (
    CLOSED_EARLY,
    ConsumerError,
    OperationUnsupported,
    ProducerTimeout,
    ProducerUnreachable,
    UnexpectedResponse,
    no_response_within,
)
from consumers.target import Target
from consumers.tls import client_context

Value = TypeVar("Value")

DEFAULT_CONNECTIONS = 100
"""aiohttp's default."""
IDLE_S = 100.0
"""By default, a connection that was idle for longer is not used again. Less than the time after which producers close
it, and more than aiohttp's 15 s, after which a caller that comes now and then would connect anew each time."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A complete response with its body decompressed."""

    status: int
    media_type: str
    body: bytes


class HttpSession:
    """Connections to one producer. Every failure is raised as a ConsumerError."""

    def __init__(self, settings: ClientSettings, accept: str) -> None:
        """`accept`: the value of the Accept header."""
        self._settings = settings
        self._headers = {
            "Accept": accept,
            # By default, aiohttp would accept gzip, and more if it is installed.
            "Accept-Encoding": "gzip" if settings.gzip else "identity",
            "User-Agent": "recipe-lab",
            **values_by_name(settings.headers),
        }
        self._session: aiohttp.ClientSession | None = None
        self._context: ssl.SSLContext | None = None
        target = settings.target
        self.base = URL.build(
            scheme="https" if target.tls else "http",
            host=target.host,
            port=target.port,
            path=target.path,
            encoded=True,
        )
        """The address as given, with its path."""

    def open(self) -> None:
        """Prepare the session. Raises ProducerUnreachable if a certificate cannot be read."""
        settings = self._settings
        connector = _Connector(
            settings.connects_to,
            limit=settings.connections or DEFAULT_CONNECTIONS,
            keepalive_timeout=settings.keep_alive_s or IDLE_S,
            ssl=self._tls_context() if settings.target.tls else False,
        )
        connector._factory = partial(_Connection, loop=asyncio.get_running_loop())  # type: ignore[assignment]
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers=self._headers,
            # No producer sets cookies, and keeping a jar costs time on each request.
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=settings.timeout_s),
            # Its own decompression ignores what is missing at the end of gzip, and accepts codings not requested.
            auto_decompress=False,
            max_line_size=http_rules.FIELD_AT_MOST_BYTES,
            max_field_size=http_rules.FIELD_AT_MOST_BYTES,
            max_headers=http_rules.FIELDS_AT_MOST,
        )
        # By default, aiohttp repeats a GET, and no POST, whose connection was closed. There is no public option for
        # this; aiohttp's own test client sets the attribute, too.
        self._session._retry_connection = False

    async def close(self) -> None:
        """Close the connections. May be called twice."""
        if self._session is not None:
            await self._session.close()

    async def request(
        self, method: str, url: URL, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        """Send one request and return its response, whatever the status. Raises ConsumerError."""
        if self._session is None or self._session.closed:
            raise self.unreachable("the client is not open")
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response:
                self._check_framing(response)
                content = await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            failure = self._failure(error)
        else:
            fields = response.headers
            if "Content-Encoding" in fields:
                content = self.decompressed(content, ",".join(fields.getall("Content-Encoding")))
            return HttpResponse(response.status, http_rules.media_type(fields.get("Content-Type", "")), content)
        raise failure from None

    def _check_framing(self, response: aiohttp.ClientResponse) -> None:
        """Refuse a response that aiohttp would read by rules of its own. Raises UnexpectedResponse."""
        if response.status == http_rules.SWITCHING_PROTOCOLS:
            raise self.unexpected(http_rules.SWITCHES_PROTOCOLS)
        coding, version = response.headers.get("Transfer-Encoding"), response.version
        if (
            response.status < 200
            or (version is not None and version.major != 1)
            or (coding is not None and not http_rules.is_chunked(coding))
        ):
            raise self.unexpected(http_rules.NOT_HTTP)

    def decompressed(self, body: bytes, codings: str) -> bytes:
        """The body without its content codings. Raises UnexpectedResponse."""
        try:
            return http_rules.decoded(body, codings, gzip=self._settings.gzip)
        except http_rules.BadCoding as error:
            raise self.unexpected(str(error)) from None

    def _failure(self, error: Exception) -> ConsumerError:
        """The consumer's error for an exception of aiohttp."""
        match error:
            case TimeoutError():
                return ProducerTimeout(no_response_within(self._settings.timeout_s), producer=self.authority)
            case aiohttp.ClientConnectorCertificateError(certificate_error=ssl.SSLError() as refused):
                return self.unreachable(causes.of_tls(refused))
            case aiohttp.ClientConnectorError():
                return self.unreachable(causes.of_connecting(error.os_error, tls=self._settings.target.tls))
            case aiohttp.ClientOSError(__cause__=ssl.SSLError() as alert):
                return self.unreachable(causes.of_tls(alert))
            case aiohttp.ClientResponseError() | _MalformedBody():
                return self.unexpected(http_rules.NOT_HTTP)
            case aiohttp.ClientPayloadError() | aiohttp.ClientConnectionError() | ConnectionError():
                return self.unreachable(CLOSED_EARLY)
            case OSError():
                return self.unreachable(causes.of_system(error))
            case _:
                return self.unreachable(str(error) or type(error).__name__)

    @property
    def authority(self) -> str:
        """The name of the producer in errors."""
        return self._settings.target.authority

    def unreachable(self, cause: str) -> ProducerUnreachable:
        """The error for a failed connection."""
        return ProducerUnreachable(cause, producer=self.authority)

    def unexpected(self, cause: str, detail: str = "") -> UnexpectedResponse:
        """The error for a response that violates the contract."""
        return UnexpectedResponse(cause, producer=self.authority, detail=detail)

    def unsupported(self, cause: str, detail: str = "") -> OperationUnsupported:
        """The error for an operation that the producer does not support."""
        return OperationUnsupported(cause, producer=self.authority, detail=detail)

    def decode(self, body: bytes, decoder: "msgspec.json.Decoder[Value]") -> Value:
        """The value in a JSON body, of the decoder's type. Raises UnexpectedResponse."""
        try:
            return decoder.decode(body)
        except msgspec.ValidationError as error:
            reason = f"the response does not have the expected shape: {error}"
            try:
                # Other producers may send null for missing text, which is empty text here.
                return msgspec.convert(_with_empty_text(msgspec.json.decode(body)), decoder.type, strict=decoder.strict)
            except (ValueError, RecursionError):
                pass
        except (ValueError, RecursionError):
            reason = "the response is not JSON"
        raise self.unexpected(reason)

    def _tls_context(self) -> ssl.SSLContext:
        """The TLS context with trusted and own certificates. Raises ProducerUnreachable, naming an unusable file."""
        # Reopening does not read the files again, which takes longer than many requests.
        if self._context is None:
            self._context = client_context(self._settings, ("http/1.1",))
        return self._context


class _MalformedBody(aiohttp.ClientPayloadError):
    """A body whose chunks cannot be read."""


class _Connector(aiohttp.TCPConnector):
    """Connects to one address, whatever requests and certificates call the producer."""

    def __init__(self, address: Target, **options: Any) -> None:
        super().__init__(**options)
        self._address = address

    async def _resolve_host(self, host: str, port: int, traces: Any = None) -> list[ResolveResult]:
        return await super()._resolve_host(self._address.host, self._address.port, traces)


class _Connection(ResponseHandler):
    """aiohttp's connection, with two differences."""

    def is_connected(self) -> bool:
        """Whether it can be used again. aiohttp would take what came while it was idle for the next response."""
        return self.transport is not None and not self.transport.is_closing() and not self._buffer

    def set_exception(self, exc: Any, *cause: Any) -> None:
        """End the response. aiohttp would leave a body without an end when one of its chunks is malformed."""
        body = self._payload
        super().set_exception(exc, *cause)
        if isinstance(exc, HttpProcessingError) and body is not None and not body.is_eof():
            # Not now: a reader that has just been woken for nothing would wait again without looking.
            self._loop.call_soon(body.set_exception, _MalformedBody())


SessionFactory = Callable[[ClientSettings, str], HttpSession]
"""Creates a session from settings and the value of the Accept header."""

_TEXT = ("steps", "quantity")


def _with_empty_text(value: object) -> object:
    """A JSON value in which nullable text of the GraphQL contract is empty instead of null."""
    if isinstance(value, dict):
        return {
            name: "" if inner is None and name in _TEXT else _with_empty_text(inner) for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_with_empty_text(inner) for inner in value]
    return value
