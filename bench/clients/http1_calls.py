"""JSON over HTTP and GraphQL over HTTP/1.1: their consumers' requests as bytes, and the answers handed back to them."""

import ssl
import zlib
from collections.abc import Hashable, Mapping
from functools import partial

from yarl import URL

from bench.clients.http1 import Http1Answer, Http1Connections
from bench.clients.raw_calls import Exchange, ProgramRequest, RawCalls
from consumers.aiohttp_session import HttpAnswer, HttpSession
from consumers.client import ClientSettings, RecipeClient
from consumers.registry import client_class

GZIP_WINDOW_BITS = 31


class ExchangedSession(HttpSession):
    """What a consumer asks through, with the bytes made here and carried by somebody else."""

    def __init__(self, exchange: Exchange[bytes, Http1Answer], settings: ClientSettings, accept: str) -> None:
        super().__init__(settings, accept)
        self._exchange = exchange

    def open(self) -> None:
        """Nothing is needed."""

    async def ask(
        self, method: str, url: URL, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        """Exchange one request for its answer, whatever its status. Raises ConsumerError."""
        answer = await self._exchange(request_bytes(method, url, {**self._headers, **(headers or {})}, body))
        return HttpAnswer(answer.head.status, answer.head.media_type, self._decoded(answer))

    def _decoded(self, answer: Http1Answer) -> bytes:
        coding = answer.head.coding
        if coding == "identity":
            return answer.body
        if not self._settings.gzip:
            raise self.unexpected("the answer is coded, though identity was asked for")
        try:
            if coding == "gzip":
                return zlib.decompress(answer.body, GZIP_WINDOW_BITS)
        except zlib.error:
            pass
        raise self.unexpected("the answer is not in the coding that it claims")


def request_bytes(method: str, url: URL, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """One request (RFC 9112, section 3)."""
    lines = [f"{method} {url.raw_path_qs} HTTP/1.1", f"Host: {url.raw_authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


class Http1Calls(RawCalls[bytes, Http1Answer]):
    """A protocol whose consumer asks through an HttpSession."""

    multiplexes = False

    def client(self, exchange: Exchange[bytes, Http1Answer]) -> RecipeClient:
        """The protocol's consumer over `exchange`."""
        made = client_class(self.protocol, self.settings.dialect)
        return made(self.settings, session=partial(ExchangedSession, exchange))  # type: ignore[call-arg]

    def connections(self) -> Http1Connections:
        """Connections with ALPN http/1.1 where there is TLS."""
        context: ssl.SSLContext | None = None
        if self.settings.target.tls:
            context = HttpSession(self.settings, accept="*/*").tls_context()
        return Http1Connections(self.settings, context)

    def fingerprint(self, answer: Http1Answer) -> Hashable:
        """Status and length of the body."""
        return answer.head.status, len(answer.body)

    def program_request(self, content: bytes) -> ProgramRequest:
        """Start line, fields and body apart."""
        head, _, body = content.partition(b"\r\n\r\n")
        start, *lines = head.decode().split("\r\n")
        method, path, _ = start.split(" ")
        fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        return ProgramRequest(method, path, [f for f in fields if f[0] not in ("Host", "Content-Length")], body)
