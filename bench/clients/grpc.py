"""gRPC of the raw client, on top of its HTTP/2 (gRPC's PROTOCOL-HTTP2.md): the gRPC consumer's unary calls."""

import base64
import re
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, cast
from urllib.parse import unquote

import grpc
from google.protobuf.message import DecodeError

from bench.clients.http2 import Http2Connections
from bench.clients.http2_messages import FieldList, Headers, Http2Answer, Http2Content, Usage
from bench.clients.raw_calls import Exchange, ProgramRequest, RawCalls
from consumers import grpc_rules
from consumers.client import ClientSettings, RecipeClient
from consumers.errors import OperationUnsupported, UnexpectedResponse
from consumers.registry import client_class
from consumers.tls import client_context

COMPRESSED = 1
PREFIX_BYTES = 5
"""The compressed flag, and the message's length."""
CALL_STATUS = b"grpc-status"
USAGE = Usage(CALL_STATUS, re.compile(rb"[0-9a-z_.-]+"), reads_padding=False, reads_interim=False, overlooks=True)
"""That of gRPC's core."""
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class GrpcCalls(RawCalls[Http2Content, Http2Answer]):
    """Unary calls."""

    def __init__(self, protocol: str, settings: ClientSettings) -> None:
        super().__init__(protocol, settings)
        self._fields: dict[str, FieldList] = {}

    def client(self, exchange: Exchange[Http2Content, Http2Answer]) -> RecipeClient:
        """The gRPC consumer of the dialect, its channel replaced by `exchange`."""

        def exchanging(_: ClientSettings) -> grpc.aio.Channel:
            # Not a channel, but it has everything that a consumer uses of one.
            return cast(grpc.aio.Channel, ExchangedChannel(self, exchange))

        made = client_class(self.protocol, self.settings.dialect)
        return made(self.settings, new_channel=exchanging)  # type: ignore[call-arg]

    def connections(self) -> Http2Connections:
        """Connections, with ALPN h2 if there is TLS."""
        tls = client_context(self.settings, ("h2",)) if self.settings.target.tls else None
        return Http2Connections(self.settings, tls, USAGE)

    def fingerprint(self, answer: Http2Answer) -> Hashable:
        """The HTTP status, the gRPC status and the length of the body."""
        return answer.headers.status, answer.last.call_status, len(answer.body)

    def content(self, path: str, message: bytes) -> Http2Content:
        """A call of the method at `path`. Like the consumer's, the request is not compressed."""
        fields = self._fields.get(path)
        if fields is None:
            fields = self._fields[path] = FieldList(self._call_fields(path))
        return Http2Content(fields, b"\0" + len(message).to_bytes(4, "big") + message)

    def _call_fields(self, path: str) -> list[tuple[bytes, bytes]]:
        settings = self.settings
        return [
            (b":scheme", b"https" if settings.target.tls else b"http"),
            (b":method", b"POST"),
            (b":authority", settings.target.authority.encode()),
            (b":path", path.encode()),
            (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
            (b"user-agent", b"recipe-lab"),
            (b"grpc-accept-encoding", b"identity, gzip" if settings.gzip else b"identity"),
            # The consumer also sends its deadline, and handling it is work for the producer.
            (b"grpc-timeout", b"%dm" % max(1, round(settings.timeout_s * 1000))),
            *((header.name.lower().encode(), header.value.encode()) for header in settings.headers),
        ]

    def program_request(self, content: Http2Content) -> ProgramRequest:
        """Fields and body. The program does the framing."""
        fields = [(name.decode(), value.decode()) for name, value in content.headers.fields]
        path = next(value for name, value in fields if name == ":path")
        return ProgramRequest("POST", path, [field for field in fields if not field[0].startswith(":")], content.body)


class ExchangedChannel:
    """The part of a channel's interface that generated stubs use."""

    def __init__(self, calls: GrpcCalls, exchange: Exchange[Http2Content, Http2Answer]) -> None:
        self._calls = calls
        self._exchange = exchange

    async def close(self) -> None:
        """Nothing to close."""

    def unary_unary(
        self,
        path: str,
        request_serializer: Callable[[Any], bytes] = bytes,
        response_deserializer: Callable[[bytes], Any] = bytes,
        **_: Any,
    ) -> Callable[..., Awaitable[Any]]:
        """A unary method. Messages are bytes, unless there is a serializer."""

        async def call(message: Any, **_: Any) -> Any:
            answer = await self._exchange(self._calls.content(path, request_serializer(message)))
            try:
                return response_deserializer(message_in(answer, self._calls.settings))
            except DecodeError:
                return None  # as grpc.aio does

        return call

    def _streaming(self, path: str, **_: Any) -> Callable[..., Any]:
        def call(*_: Any, **__: Any) -> Any:
            raise OperationUnsupported(f"{path} is a streaming method, and the raw client supports unary calls only")

        return call

    unary_stream = stream_unary = stream_stream = _streaming


def message_in(answer: Http2Answer, settings: ClientSettings) -> bytes:
    """The message in a response, decompressed.

    Raises AioRpcError for a status that is not OK, and ConsumerError.
    """

    def unexpected(cause: str) -> UnexpectedResponse:
        return UnexpectedResponse(cause, producer=settings.target.authority)

    head, last, body = answer.headers, answer.last, answer.body
    if head.status not in (200, None):
        kind, cause = grpc_rules.of_http_status(head.status or 0)
        raise kind(cause, producer=settings.target.authority)
    number = (last.call_status or b"").strip()
    if not number.isdigit() or (body and answer.trailers is None) or not _binary_fields_are_valid(answer):
        raise unexpected(grpc_rules.NOT_GRPC)
    encoding = head.get(b"grpc-encoding", b"identity")
    if encoding not in grpc_rules.KNOWN_ENCODINGS:
        raise unexpected(grpc_rules.NOT_REQUESTED)
    if int(number) != 0:
        raise _error(int(number), last)
    if len(body) < PREFIX_BYTES or len(body) != PREFIX_BYTES + int.from_bytes(body[1:PREFIX_BYTES], "big"):
        raise unexpected(grpc_rules.NOT_ONE_MESSAGE)
    flag, message = body[0], body[PREFIX_BYTES:]
    if flag == 0:
        return message
    if flag != COMPRESSED:
        raise unexpected(grpc_rules.NOT_ONE_MESSAGE)
    if encoding == b"identity":
        raise unexpected(grpc_rules.NO_ENCODING)
    if not settings.gzip or encoding != b"gzip":
        raise unexpected(grpc_rules.NOT_REQUESTED)
    try:
        return grpc_rules.decompressed(message)
    except ValueError:
        raise unexpected(grpc_rules.NOT_GZIP) from None


def _binary_fields_are_valid(answer: Http2Answer) -> bool:
    try:
        for headers in (answer.headers, answer.last):
            for name, value in headers.fields:
                _value(name, value)
    except ValueError:
        return False
    return True


def _error(number: int, last: Headers) -> grpc.aio.AioRpcError:
    code = _CODES.get(number, grpc.StatusCode.UNKNOWN)
    trailers = grpc.aio.Metadata(*((name.decode("latin-1"), _value(name, value)) for name, value in last.fields))
    details = unquote(last.get(b"grpc-message").decode("latin-1"))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers, details)


def _value(name: bytes, value: bytes) -> str | bytes:
    """Binary metadata values are base64, with or without padding. Raises ValueError."""
    if not name.endswith(b"-bin"):
        return value.decode("latin-1")
    return b"".join(base64.b64decode(each + b"=" * (-len(each) % 4), validate=True) for each in value.split(b","))
