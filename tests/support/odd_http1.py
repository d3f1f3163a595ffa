"""Servers whose HTTP/1.1 is unusual or wrong."""

import asyncio
import gzip
import socket
import ssl
import struct
import zlib
from collections.abc import Sequence

from consumers.causes import HANDSHAKE_CUT_OFF, HANDSHAKE_FAILED
from consumers.errors import CLOSED_EARLY, ProducerUnreachable
from consumers.http_rules import NOT_GZIP, NOT_HTTP, SWITCHES_PROTOCOLS
from tests.support.odd_servers import Behaviour, Refusal, Tls
from tests.support.scripted_server import MakePeer, Script

RECIPE = b'{"id":1,"name":"Soup","steps":"","ingredients":[]}'
BODY = b'{"producer_pid":1,"recipe":%s,"data":{"recipe":%s}}' % (RECIPE, RECIPE)
"""A response to a request for recipe 1, in HTTP/JSON and in GraphQL."""
STATUS = b"HTTP/1.1 200 OK\r\n"
TYPE = b"Content-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
PIECES = 40
ALERTS = (
    (40, "handshake_failure", "sslv3 alert handshake failure"),
    (70, "protocol_version", "tlsv1 alert protocol version"),
)
"""Number, name, and how OpenSSL words it."""


class Http1Peer:
    """The server side of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def request(self) -> None:
        """Read a whole request."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                await self.reader.readexactly(int(line.partition(b":")[2]))

    async def send(self, content: bytes) -> None:
        """Write at once."""
        self.writer.write(content)
        await self.writer.drain()

    def reset(self) -> None:
        """End the connection with RST instead of FIN."""
        held = self.writer.get_extra_info("socket")
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class PiecewisePeer(Http1Peer):
    """One that writes everything in small pieces, each of which arrives alone."""

    async def send(self, content: bytes) -> None:
        """Write piece by piece."""
        step = max(7, len(content) // PIECES)
        for start in range(0, len(content), step):
            if self.writer.is_closing():
                raise ConnectionResetError
            await super().send(content[start : start + step])
            await asyncio.sleep(0)


PEERS: Sequence[MakePeer] = (Http1Peer, PiecewisePeer)


def response(*fields: bytes, body: bytes = BODY, status: bytes = STATUS, media_type: bytes = TYPE) -> bytes:
    """A response with a Content-Length."""
    lines = b"".join(field + b"\r\n" for field in fields)
    return status + media_type + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body


def in_chunks(
    *chunks: bytes, fields: bytes = CHUNKED, extension: bytes = b"", trailers: bytes = b"", status: bytes = STATUS
) -> bytes:
    """A response in chunks."""
    framed = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks or (BODY,))
    return status + TYPE + fields + b"\r\n" + framed + b"0\r\n" + trailers + b"\r\n"


def chunk_framing(size: bytes) -> bytes:
    """A response in one chunk whose size is written like this."""
    return STATUS + TYPE + CHUNKED + b"\r\n" + size + b"\r\n" + BODY + b"\r\n0\r\n\r\n"


def in_coding(coding: bytes, body: bytes) -> bytes:
    """A response in a content coding."""
    return response(b"Content-Encoding: " + coding, body=body)


def always(content: bytes) -> Script:
    """Answer every request with these bytes."""

    async def script(peer: Http1Peer) -> None:
        while True:
            await peer.request()
            await peer.send(content)

    return script


def once(content: bytes) -> Script:
    """Answer one request on each connection with these bytes, and close it."""

    async def script(peer: Http1Peer) -> None:
        await peer.request()
        await peer.send(content)

    return script


def then(content: bytes) -> Script:
    """Answer the first request on each connection as usual, and the second one with these bytes; then close it."""

    async def script(peer: Http1Peer) -> None:
        await peer.request()
        await peer.send(response())
        await peer.request()
        await peer.send(content)

    return script


async def resetting(peer: Http1Peer) -> None:
    """Answer the first request on each connection, and reset it when the second one comes."""
    await peer.request()
    await peer.send(response())
    await peer.request()
    peer.reset()


async def speaking_first(peer: Http1Peer) -> None:
    """Answer one request on each connection. Then send a response to nothing, and close it."""
    await peer.request()
    await peer.send(response())
    await peer.send(response(status=b"HTTP/1.1 408 Request Timeout\r\n"))


def alerting(number: int) -> Script:
    """Answer what comes first with an alert of TLS (RFC 8446, section 6), and close the connection."""

    async def script(peer: Http1Peer) -> None:
        await peer.reader.read(1 << 16)
        peer.writer.write(bytes([21, 3, 3, 0, 2, 2, number]))
        await peer.writer.drain()

    return script


async def closing_at_the_first_byte(peer: Http1Peer) -> None:
    """Close the connection when something comes."""
    await peer.reader.read(1 << 16)


GZIP = gzip.compress(BODY)
TWO_MEMBERS = gzip.compress(BODY[:50]) + gzip.compress(BODY[50:])

INVALID = Refusal(NOT_HTTP)
CLOSED = Refusal(CLOSED_EARLY, ProducerUnreachable)
BAD_GZIP = Refusal(NOT_GZIP)


def not_requested(coding: str, requested: str = "gzip") -> Refusal:
    """The refusal of a content coding."""
    return Refusal(f"the response has the content coding {coding}, but {requested} was requested")


def accepted(does: str, rule: str, content: bytes, *, gzip: bool = False) -> Behaviour:
    """A response that is accepted, again and again, on one connection."""
    return Behaviour(does=does, rule=rule, script=always(content), gzip=gzip)


def closing(does: str, rule: str, content: bytes) -> Behaviour:
    """A response that is accepted, and that ends its connection."""
    return Behaviour(does=does, rule=rule, script=once(content), connections=3)


def refused(does: str, rule: str, content: bytes, refusal: Refusal = INVALID, *, at_once: bool = False) -> Behaviour:
    """A response that is refused."""
    return Behaviour(does=does, rule=rule, script=always(content), refused=refusal, connections=None, at_once=at_once)


def refused_coding(does: str, rule: str, content: bytes, refusal: Refusal, *, gzip: bool = True) -> Behaviour:
    """A response that is refused for its content. Its connection stays open."""
    return Behaviour(does=does, rule=rule, script=always(content), refused=refusal, gzip=gzip)


CODINGS = (
    accepted("sends gzip as requested", "RFC 9110, 8.4.1.3", in_coding(b"gzip", GZIP), gzip=True),
    accepted("sends gzip in two members", "RFC 1952, 2.2", in_coding(b"gzip", TWO_MEMBERS), gzip=True),
    accepted("calls gzip `x-gzip`", "RFC 9110, 8.4.1.3", in_coding(b"x-gzip", GZIP), gzip=True),
    accepted("calls gzip `GZIP`", "RFC 9110, 8.4.1", in_coding(b"GZIP", GZIP), gzip=True),
    accepted("sends gzip within gzip", "RFC 9110, 8.4", in_coding(b"gzip, gzip", gzip.compress(GZIP)), gzip=True),
    accepted("has an empty Content-Encoding", "RFC 9110, 5.6.1.2", in_coding(b"", BODY), gzip=True),
    accepted("has an empty Content-Encoding, unasked", "RFC 9110, 5.6.1.2", in_coding(b"", BODY)),
    accepted("has the Content-Encoding `identity`", "RFC 9110, 8.4.1: no coding", in_coding(b"identity", BODY)),
    refused_coding("has zeros after gzip", "RFC 1952, 2.2", in_coding(b"gzip", GZIP + b"\0" * 8), BAD_GZIP),
    refused_coding("has other bytes after gzip", "RFC 1952, 2.2", in_coding(b"gzip", GZIP + b"more"), BAD_GZIP),
    refused_coding("leaves out the end of gzip", "RFC 1952, 2.3", in_coding(b"gzip", GZIP[:-4]), BAD_GZIP),
    refused_coding(
        "has a wrong checksum in gzip", "RFC 1952, 2.3.1", in_coding(b"gzip", GZIP[:-8] + b"\0" * 8), BAD_GZIP
    ),
    refused_coding("sends no byte of gzip", "RFC 1952, 2.2", in_coding(b"gzip", b""), BAD_GZIP),
    refused_coding("sends text and calls it gzip", "RFC 1952, 2.3", in_coding(b"gzip", BODY), BAD_GZIP),
    refused_coding(
        "sends gzip, unasked",
        "RFC 9110, 12.5.3",
        in_coding(b"gzip", GZIP),
        not_requested("gzip", "identity"),
        gzip=False,
    ),
    refused_coding(
        "sends `deflate`", "RFC 9110, 12.5.3", in_coding(b"deflate", zlib.compress(BODY)), not_requested("deflate")
    ),
    refused_coding("sends `br`", "RFC 9110, 12.5.3", in_coding(b"br", BODY), not_requested("br")),
    refused_coding("sends `zstd`", "RFC 9110, 12.5.3", in_coding(b"zstd", BODY), not_requested("zstd")),
)

HEADS = (
    accepted("has a field of 9,000 bytes", "RFC 9110, 5.4; the limit is 64 KiB", response(b"A: " + b"a" * 9_000)),
    refused("has a field of 70,000 bytes", "RFC 9110, 5.4; the limit is 64 KiB", response(b"A: " + b"a" * 70_000)),
    accepted(
        "has 200 fields", "RFC 9110, 5.4; the limit is 1,024", response(*[b"A%d: a" % number for number in range(200)])
    ),
    refused(
        "has 2,000 fields",
        "RFC 9110, 5.4; the limit is 1,024",
        response(*[b"A%d: a" % number for number in range(2_000)]),
    ),
    accepted("folds a field", "RFC 9112, 5.2", response(b"A: a\r\n  b\r\n\tc")),
    accepted(
        "folds Content-Type",
        "RFC 9112, 5.2",
        response(media_type=b"Content-Type:\r\n application/json; charset=utf-8\r\n"),
    ),
    accepted("has a blank before the first field", "RFC 9112, 2.2", STATUS + b" A: a\r\n" + response()[len(STATUS) :]),
    accepted("ends lines with LF alone", "RFC 9112, 2.2", response().replace(b"\r\n", b"\n")),
    accepted("ends the status line with LF alone", "RFC 9112, 2.2", response().replace(b"\r\n", b"\n", 1)),
    accepted(
        "ends lines with LF alone, and has empty lines in the body",
        "RFC 9112, 2.2",
        (STATUS + TYPE + b"Content-Length: %d\r\n\r\n" % (len(BODY) + 8)).replace(b"\r\n", b"\n") + b"\r\n" * 4 + BODY,
    ),
    accepted("sends an empty line before each response", "RFC 9112, 2.2", b"\r\n" + response()),
    accepted("sends an empty line after each response", "RFC 9112, 2.2", response() + b"\r\n"),
    refused("has CR alone in a field", "RFC 9112, 2.2", response(b"A: a\rb")),
    refused("has NUL in a field", "RFC 9110, 5.5", response(b"A: a\0b")),
    accepted("has Latin-1 in a field", "RFC 9110, 5.5", response(b"A: \xff")),
    refused("has a blank before a colon", "RFC 9112, 5.1", response(b"A : a")),
    refused("has a field without a colon", "RFC 9112, 5", response(b"A")),
    refused("has a field without a name", "RFC 9112, 5", response(b": a")),
    accepted("has no reason phrase", "RFC 9112, 4", response(status=b"HTTP/1.1 200\r\n")),
    accepted("has a reason phrase in UTF-8", "RFC 9112, 4", response(status="HTTP/1.1 200 Schön\r\n".encode())),
    refused("has two blanks in the status line", "RFC 9112, 4", response(status=b"HTTP/1.1  200 OK\r\n")),
    refused("calls its version `HTTP/2.0`", "RFC 9110, 6.2", response(status=b"HTTP/2.0 200 OK\r\n")),
    refused("calls its version `http/1.1`", "RFC 9112, 2.3", response(status=b"http/1.1 200 OK\r\n")),
    refused("has the status 000", "RFC 9110, 15", response(status=b"HTTP/1.1 000 OK\r\n")),
    refused("has the status 1000", "RFC 9112, 4", response(status=b"HTTP/1.1 1000 OK\r\n")),
    refused("speaks SSH", "RFC 9112, 4", b"SSH-2.0-OpenSSH_9.2\r\n"),
    refused("speaks HTTP/2", "RFC 9112, 4", b"\0\0\x12\4\0\0\0\0\0"),
    accepted(
        "sends 100 and 103 first",
        "RFC 9110, 15.2",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + response(),
    ),
    refused(
        "switches to another protocol",
        "RFC 9110, 15.2.2",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        Refusal(SWITCHES_PROTOCOLS),
    ),
    accepted(
        "has a media type in capitals, with parameters",
        "RFC 9110, 8.3.1",
        response(media_type=b"Content-Type: APPLICATION/json; charset=utf-8\r\n"),
    ),
    accepted(
        "has two media types, the first of which is right", "aiohttp reads the first", response(b"Content-Type: a/b")
    ),
)

LENGTHS = (
    refused("has the same Content-Length twice", "RFC 9110, 8.6", response(LENGTH.strip())),
    refused("has two different Content-Lengths", "RFC 9112, 6.3", response(b"Content-Length: 2")),
    refused("has the Content-Length `+1`", "RFC 9110, 8.6", response()[: -len(BODY)].replace(b"th: ", b"th: +") + BODY),
    refused("has the Content-Length `-1`", "RFC 9110, 8.6", STATUS + TYPE + b"Content-Length: -1\r\n\r\n"),
    refused("has an empty Content-Length", "RFC 9110, 8.6", STATUS + TYPE + b"Content-Length: \r\n\r\n" + BODY),
    refused("has chunks and a Content-Length", "RFC 9112, 6.3", in_chunks(fields=LENGTH + CHUNKED)),
    refused(
        "has a transfer coding besides chunked",
        "RFC 9112, 7.4",
        in_chunks(fields=b"Transfer-Encoding: gzip, chunked\r\n"),
    ),
    refused(
        "has a transfer coding instead of chunked", "RFC 9112, 7.4", STATUS + TYPE + b"Transfer-Encoding: gzip\r\n\r\n"
    ),
    accepted("writes `transfer-encoding: CHUNKED`", "RFC 9112, 7", in_chunks(fields=b"transfer-encoding: CHUNKED\r\n")),
    accepted("names chunked twice", "aiohttp reads it as once", in_chunks(fields=CHUNKED * 2)),
    accepted("sends many small chunks", "RFC 9112, 7.1", in_chunks(*(BODY[i : i + 1] for i in range(len(BODY))))),
    accepted("has chunk extensions", "RFC 9112, 7.1.1", in_chunks(BODY[:9], BODY[9:], extension=b';a;b=c;d="e f"')),
    accepted("has a chunk extension of 9,000 bytes", "RFC 9112, 7.1.1", in_chunks(extension=b";" + b"a" * 9_000)),
    accepted("has blanks after the size of a chunk", "RFC 9112, 7.1.1", in_chunks(extension=b"  ")),
    accepted("has blanks before a chunk extension", "RFC 9112, 7.1.1", in_chunks(extension=b" ;a")),
    refused(
        "has blanks within a chunk extension",
        "RFC 9112, 7.1.1 allows it; aiohttp does not read it",
        in_chunks(extension=b"; a"),
    ),
    accepted(
        "writes the size of a chunk with zeros, in capitals", "RFC 9112, 7.1", chunk_framing(b"0000%X" % len(BODY))
    ),
    accepted("has trailers", "RFC 9112, 7.1.2", in_chunks(trailers=b"Expires: 0\r\nA: b\r\n c\r\n")),
    refused("has a trailer that is no field", "RFC 9112, 7.1.2", in_chunks(trailers=b"no field\r\n")),
    refused("ends the lines of chunks with LF alone", "RFC 9112, 7.1", in_chunks().replace(b"\r\n", b"\n")),
    refused("has a chunk whose size is no number", "RFC 9112, 7.1", chunk_framing(b"xyz")),
    refused("writes the size of a chunk as `0x…`", "RFC 9112, 7.1", chunk_framing(b"0x%x" % len(BODY))),
    refused("has a chunk of 2⁶⁸ bytes", "RFC 9112, 7.1", chunk_framing(b"f" * 17)),
    refused("has a chunk that is longer than its size", "RFC 9112, 7.1", chunk_framing(b"2")),
    refused("sends other bytes after a response", "RFC 9112, 6.3", response() + b"{}", at_once=True),
    Behaviour(
        does="sends a further response after each one",
        rule="RFC 9112, 6.3",
        script=always(response() * 2),
        connections=3,
        at_once=True,
    ),
)

CONNECTIONS = (
    closing("sends `Connection: close`", "RFC 9112, 9.6", response(b"Connection: close")),
    closing("sends `connection: foo, CLOSE`", "RFC 9110, 7.6.1", response(b"connection: foo, CLOSE")),
    Behaviour(
        does="sends `Connection: close` with the second response",
        rule="RFC 9112, 9.6",
        script=then(response(b"Connection: close")),
        connections=2,
    ),
    Behaviour(
        does="sends `Connection: close`, and leaves it open",
        rule="RFC 9112, 9.6",
        script=always(response(b"Connection: close")),
        connections=3,
    ),
    closing("speaks HTTP/1.0", "RFC 9112, 9.3", response(status=b"HTTP/1.0 200 OK\r\n")),
    accepted(
        "speaks HTTP/1.0 with `keep-alive`",
        "RFC 9112, 9.3",
        response(b"Connection: keep-alive", status=b"HTTP/1.0 200 OK\r\n"),
    ),
    closing("speaks HTTP/1.0 in chunks", "RFC 9112, 6.1", in_chunks(status=b"HTTP/1.0 200 OK\r\n")),
    closing("ends the body with the connection", "RFC 9112, 6.3", STATUS + TYPE + b"\r\n" + BODY),
    Behaviour(
        does="closes each connection after its response",
        rule="RFC 9112, 9.5",
        script=once(response()),
        connections=3,
        closes_idle=True,
    ),
    Behaviour(
        does="sends 408 on an idle connection and closes it",
        rule="RFC 9110, 15.5.9",
        script=speaking_first,
        connections=3,
        closes_idle=True,
    ),
    Behaviour(
        does="closes the connection when the second request comes",
        rule="RFC 9112, 9.3.1; no client repeats it",
        script=then(b""),
        refused=CLOSED,
        fails=(1,),
        connections=2,
    ),
    Behaviour(
        does="resets the connection when the second request comes",
        rule="RFC 9112, 9.3.1; no client repeats it",
        script=resetting,
        refused=CLOSED,
        fails=(1,),
        connections=2,
    ),
    *(
        Behaviour(does=does, rule="RFC 9112, 8", script=once(content), refused=CLOSED, connections=3)
        for does, content in (
            ("closes the connection without a response", b""),
            ("closes the connection within the head", response()[:30]),
            ("closes the connection within the body", response()[:-5]),
            ("closes the connection within a chunk", in_chunks()[:-12]),
            ("closes the connection before the last chunk", in_chunks()[:-5]),
        )
    ),
)

HANDSHAKES = (
    Behaviour(
        does="closes the connection in the handshake",
        rule="RFC 8446, 6",
        script=closing_at_the_first_byte,
        tls=Tls(spoken=False),
        refused=Refusal(HANDSHAKE_CUT_OFF, ProducerUnreachable),
        connections=None,
    ),
    *(
        Behaviour(
            does=f"refuses the handshake with the alert {name}",
            rule="RFC 8446, 6.2",
            script=alerting(number),
            tls=Tls(spoken=False),
            refused=Refusal(f"{HANDSHAKE_FAILED}: {cause}", ProducerUnreachable),
            connections=None,
        )
        for number, name, cause in ALERTS
    ),
)
"""Broken before anything of HTTP is sent, so the same in every version of it."""

TLS = (
    *(
        Behaviour(does=f"offers TLS {name} only", rule="RFC 9325, 3.1.1", script=always(response()), tls=Tls(version))
        for name, version in (("1.2", ssl.TLSVersion.TLSv1_2), ("1.3", ssl.TLSVersion.TLSv1_3))
    ),
    Behaviour(
        does="offers ALPN without http/1.1",
        rule="RFC 7301, 3.2",
        script=always(response()),
        tls=Tls(alpn=("h2",)),
    ),
    *HANDSHAKES,
)

GROUPS = {
    "HTTP/1.1: content codings": CODINGS,
    "HTTP/1.1: heads": HEADS,
    "HTTP/1.1: lengths and chunks": LENGTHS,
    "HTTP/1.1: connections": CONNECTIONS,
    "HTTP/1.1: TLS": TLS,
}
