"""What the consumers on aiohttp share: a session with persistent connections, and the translation of its errors."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import aiohttp
import msgspec
from aiohttp.http_exceptions import ContentEncodingError
from yarl import URL

from consumers.client import ClientSettings
from consumers.errors import ConsumerError, ProducerTimeout, ProducerUnreachable, UnexpectedResponse

Value = TypeVar("Value")

DEFAULT_CONNECTIONS = 100
"""aiohttp's default."""
IDLE_S = 100.0
"""A connection that was idle for longer is not used again. Less than the time after which producers close it, and more
than aiohttp's 15 s, after which a caller that comes now and then would connect anew each time."""


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
        }
        self._session: aiohttp.ClientSession | None = None
        self._context: ssl.SSLContext | None = None
        target = settings.target
        self.base = URL.build(scheme="https" if target.tls else "http", host=target.host, port=target.port)

    def open(self) -> None:
        """Prepare the session. Raises ProducerUnreachable if a certificate cannot be read."""
        settings = self._settings
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=settings.connections or DEFAULT_CONNECTIONS,
                keepalive_timeout=IDLE_S,
                ssl=self.tls_context() if settings.target.tls else False,
            ),
            headers=self._headers,
            # No producer sets cookies, and keeping a jar costs time on each request.
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=settings.timeout_s),
        )

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
                content = await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            failure = self._failure(error)
        else:
            if not self._settings.gzip and response.headers.get("Content-Encoding", "identity") != "identity":
                raise self.unexpected("the response has a content coding, but identity was requested")
            return HttpResponse(response.status, response.content_type, content)
        raise failure from None

    def _failure(self, error: Exception) -> ConsumerError:
        """The consumer's error for an exception of aiohttp."""
        match error:
            case TimeoutError():
                return ProducerTimeout(f"{self.authority}: no response within {self._settings.timeout_s:g} s")
            case aiohttp.ClientConnectorCertificateError():
                return self.unreachable(f"its certificate is not trusted: {_certificate_reason(error)}")
            case aiohttp.ClientSSLError():
                return self.unreachable(f"the TLS handshake failed: {_reason(error.os_error)}")
            case aiohttp.ClientConnectorError():
                return self.unreachable(_reason(error.os_error))
            case aiohttp.ServerDisconnectedError():
                return self.unreachable("the connection was closed without a response")
            case aiohttp.ClientPayloadError() if isinstance(error.__cause__, ContentEncodingError):
                return self.unexpected("the response is not in the coding that Content-Encoding names")
            case aiohttp.ClientPayloadError():
                return self.unreachable("the connection was lost during the response")
            case aiohttp.ClientResponseError():
                return self.unexpected("the response is not HTTP")
            case _:
                return self.unreachable(_reason(error))

    @property
    def authority(self) -> str:
        """The name of the producer in errors."""
        return self._settings.target.authority

    def unreachable(self, reason: str) -> ProducerUnreachable:
        """The error for a failed connection."""
        return ProducerUnreachable(f"{self.authority}: {one_line(reason)}")

    def unexpected(self, reason: str) -> UnexpectedResponse:
        """The error for a response that violates the contract."""
        return UnexpectedResponse(f"{self.authority}: {one_line(reason)}")

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

    def tls_context(self) -> ssl.SSLContext:
        """The TLS context with trusted and own certificates. Raises ProducerUnreachable, naming an unusable file."""
        settings = self._settings
        if self._context is not None:
            # Reopening does not read the files again, which takes longer than many requests.
            return self._context
        file = settings.ca
        try:
            context = ssl.create_default_context(cafile=settings.ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            file = settings.client_certificate
            if settings.client_certificate is not None:
                context.load_cert_chain(settings.client_certificate, settings.client_key)
        except OSError as error:
            raise self.unreachable(f"cannot use {file}: {_reason(error)}") from None
        context.set_alpn_protocols(["http/1.1"])
        self._context = context
        return context


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


def one_line(text: str) -> str:
    """The text without line breaks."""
    return " ".join(text.split())


def _reason(error: BaseException) -> str:
    """The text of a system or OpenSSL error, without numbers and source locations."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, ConnectionResetError):
        return "the connection was reset"
    return str(error) or type(error).__name__


def _certificate_reason(error: aiohttp.ClientConnectorCertificateError) -> str:
    return getattr(error.certificate_error, "verify_message", "") or _reason(error.certificate_error)
