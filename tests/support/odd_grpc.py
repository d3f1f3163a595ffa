"""Servers whose gRPC or HTTP/2 is unusual or wrong."""

import gzip
import ssl
import zlib
from collections.abc import Callable

from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from consumers import causes
from consumers.errors import (
    CLOSED_EARLY,
    ConsumerError,
    OperationUnsupported,
    ProducerTimeout,
    ProducerUnreachable,
    UnexpectedResponse,
)
from consumers.grpc_rules import NO_ENCODING, NOT_GRPC, NOT_GZIP, NOT_ONE_MESSAGE, NOT_REQUESTED
from consumers.http_rules import NOT_HTTP2
from tests.support import odd_http1
from tests.support.http2_peer import GRPC_HEAD, GRPC_OK, Fields, Peer, prefixed
from tests.support.http2_scripts import MESSAGE, raw, serialized, whole
from tests.support.odd_servers import Behaviour, Refusal, Tls
from tests.support.scripted_server import Script

Answer = Callable[[Peer, int], bytes]
"""The frames of a response on the stream of that number."""

COMPRESSED = prefixed(gzip.compress(MESSAGE), compressed=True)
HALVES = gzip.compress(MESSAGE[:3]) + gzip.compress(MESSAGE[3:])
PADDED_BYTES = 9


def in_encoding(name: str) -> Fields:
    """The head of a response that names an encoding."""
    return (*GRPC_HEAD, ("grpc-encoding", name))


def answer(
    head: Fields = GRPC_HEAD, body: bytes = prefixed(MESSAGE), end: Fields = GRPC_OK, between: bytes = b""
) -> Answer:
    """HEADERS, other frames, DATA, trailers."""
    return lambda peer, stream_id: (
        serialized(peer.headers(stream_id, head))
        + between
        + serialized(DataFrame(stream_id, body), peer.headers(stream_id, end, "END_STREAM"))
    )


def only(*fields: tuple[str, str], head: Fields = GRPC_HEAD) -> Answer:
    """One header section, and nothing else."""
    return lambda peer, stream_id: serialized(peer.headers(stream_id, (*head, *fields), "END_STREAM"))


def before(*frames: Frame | bytes) -> Answer:
    """Other frames, then the right response."""
    sent = b"".join(each if isinstance(each, bytes) else each.serialize() for each in frames)
    return lambda peer, stream_id: sent + whole(peer, stream_id)


def in_tiny_frames(peer: Peer, stream_id: int) -> bytes:
    """One byte in each DATA frame, with empty ones between them."""
    body = prefixed(MESSAGE)
    data = [DataFrame(stream_id, part) for start in range(len(body)) for part in (body[start : start + 1], b"")]
    return serialized(peer.headers(stream_id, GRPC_HEAD), *data, peer.headers(stream_id, GRPC_OK, "END_STREAM"))


def continued(peer: Peer, stream_id: int) -> bytes:
    """Header blocks in pieces of one byte, in CONTINUATION."""

    def in_pieces(fields: Fields, flags: int) -> bytes:
        block = peer.encoder.encode(list(fields))
        frames = [raw(1, flags, stream_id, block[:1])]
        frames += [raw(9, 0, stream_id, block[at : at + 1]) for at in range(1, len(block) - 1)]
        return b"".join([*frames, raw(9, 4, stream_id, block[-1:])])

    return in_pieces(GRPC_HEAD, 0) + serialized(DataFrame(stream_id, prefixed(MESSAGE))) + in_pieces(GRPC_OK, 1)


def interrupted(peer: Peer, stream_id: int) -> bytes:
    """A header block with another frame in it."""
    block = peer.encoder.encode(list(GRPC_HEAD))
    return raw(1, 0, stream_id, block[:1]) + PingFrame(0, b"12345678").serialize() + raw(9, 4, stream_id, block[1:])


def padded(which: int) -> Answer:
    """One of the frames has padding."""

    def frames(peer: Peer, stream_id: int) -> bytes:
        head, end = peer.headers(stream_id, GRPC_HEAD), peer.headers(stream_id, GRPC_OK, "END_STREAM")
        data = DataFrame(stream_id, prefixed(MESSAGE))
        frame: HeadersFrame | DataFrame = (head, data, end)[which]
        frame.flags.add("PADDED")
        frame.pad_length = PADDED_BYTES
        return serialized(head, data, end)

    return frames


def with_priority(peer: Peer, stream_id: int) -> bytes:
    """HEADERS with priority, and PRIORITY."""
    head, more = peer.headers(stream_id, GRPC_HEAD, "PRIORITY"), PriorityFrame(stream_id)
    end = peer.headers(stream_id, GRPC_OK, "END_STREAM")
    return serialized(head, more, DataFrame(stream_id, prefixed(MESSAGE)), end)


def ended_by_data(*fields: tuple[str, str], head: Fields = GRPC_HEAD, body: bytes = prefixed(MESSAGE)) -> Answer:
    """No trailers: the stream ends with DATA."""
    return lambda peer, stream_id: serialized(peer.headers(stream_id, (*head, *fields))) + raw(0, 1, stream_id, body)


def with_flags(flags: int) -> Answer:
    """DATA with these flags."""
    return lambda peer, stream_id: (
        serialized(peer.headers(stream_id, GRPC_HEAD))
        + raw(0, flags, stream_id, prefixed(MESSAGE))
        + serialized(peer.headers(stream_id, GRPC_OK, "END_STREAM"))
    )


def bad_block(_: Peer, stream_id: int) -> bytes:
    """HEADERS that names a field outside of the table."""
    return raw(1, 4, stream_id, b"\xfe")


def reset(code: int) -> Answer:
    """RST_STREAM instead of a response."""
    return lambda _, stream_id: serialized(RstStreamFrame(stream_id, error_code=code))


def pushing(peer: Peer, stream_id: int) -> bytes:
    """PUSH_PROMISE, then the right response."""
    return raw(5, 4, stream_id, b"\0\0\0\2" + peer.encoder.encode([(":method", "GET")])) + whole(peer, stream_id)


def on_another_stream(peer: Peer, stream_id: int) -> bytes:
    """The beginning of a response on a stream that does not exist, then the right response."""
    return serialized(peer.headers(stream_id + 100, GRPC_HEAD)) + whole(peer, stream_id)


def in_a_large_frame(peer: Peer, stream_id: int) -> bytes:
    """A frame that is larger than the client allows."""
    return serialized(peer.headers(stream_id, GRPC_HEAD)) + raw(0, 0, stream_id, b"\0" * 20_000)


def goaway(last_id: int, code: int = 0) -> bytes:
    """A GOAWAY frame."""
    return serialized(GoAwayFrame(0, last_stream_id=last_id, error_code=code))


def graceful(peer: Peer, stream_id: int) -> bytes:
    """Two GOAWAY frames around the right response."""
    return goaway(2**31 - 1) + whole(peer, stream_id) + goaway(stream_id)


def always(answer: Answer, settings: dict[int, int] | None = None) -> Script:
    """Answer every request like this."""

    async def script(peer: Peer) -> None:
        await peer.start(settings)
        while True:
            asked = await peer.request()
            peer.send(answer(peer, asked.stream_id))

    return script


def then(answer: Answer) -> Script:
    """Answer the first request on each connection as usual, and the others like this."""

    async def script(peer: Peer) -> None:
        await peer.start()
        asked = await peer.request()
        peer.send(whole(peer, asked.stream_id))
        while True:
            asked = await peer.request()
            peer.send(answer(peer, asked.stream_id))

    return script


def closing(answer: Answer | None, announced: bool = False) -> Script:
    """Answer one request on each connection like this, and close it."""

    async def script(peer: Peer) -> None:
        await peer.start()
        asked = await peer.request()
        if answer is not None:
            peer.send(answer(peer, asked.stream_id))
        if announced:
            peer.send(goaway(asked.stream_id))

    return script


async def closing_at_the_second(peer: Peer) -> None:
    """Answer the first request on each connection, and close it when the second one comes."""
    await peer.start()
    asked = await peer.request()
    peer.send(whole(peer, asked.stream_id))
    await peer.request()


async def speaking_http_1(peer: Peer) -> None:
    """Refuse what is not HTTP/1.1."""
    peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    await peer.writer.drain()


INVALID = Refusal(NOT_GRPC)
INVALID_HTTP2 = Refusal(NOT_HTTP2)
NO_MESSAGE = Refusal(NOT_ONE_MESSAGE)
UNREQUESTED = Refusal(NOT_REQUESTED)
UNNAMED = Refusal(NO_ENCODING)
BAD_GZIP = Refusal(NOT_GZIP)
CLOSED = Refusal(CLOSED_EARLY, ProducerUnreachable)
TIMEOUT = Refusal("no response within 0.5 s", ProducerTimeout)


def accepted(does: str, rule: str, answer: Answer, *, gzip: bool = False) -> Behaviour:
    """A response that is accepted, again and again, on one connection."""
    return Behaviour(does=does, rule=rule, script=always(answer), gzip=gzip)


def refused(does: str, rule: str, answer: Answer, refusal: Refusal, *, gzip: bool = False) -> Behaviour:
    """A response that is refused."""
    return Behaviour(does=does, rule=rule, script=always(answer), refused=refusal, gzip=gzip, connections=None)


def status(number: int, kind: type[ConsumerError] = UnexpectedResponse) -> Behaviour:
    """An HTTP status instead of gRPC."""
    refusal = Refusal(causes.of_status(number), kind)
    head = ((":status", str(number)), ("content-type", "text/html"))
    return refused(f"answers with the HTTP status {number}", "gRPC, http-grpc-status-mapping", only(head=head), refusal)


GRPC = "gRPC, PROTOCOL-HTTP2"
COMPRESSION = "gRPC, compression.md"
OVERLOOKED = "gRPC's core overlooks it"
CORE = "RFC 9113 allows it; gRPC's core does not read it"

ENCODINGS = (
    accepted("sends gzip as requested", COMPRESSION, answer(in_encoding("gzip"), COMPRESSED), gzip=True),
    accepted("names gzip, and does not compress", COMPRESSION, answer(in_encoding("gzip")), gzip=True),
    accepted("names gzip, unasked, and does not compress", COMPRESSION, answer(in_encoding("gzip"))),
    accepted("names `identity`", COMPRESSION, answer(in_encoding("identity"))),
    *(
        refused(does, rule, answer(in_encoding("gzip"), prefixed(sent, compressed=True)), BAD_GZIP, gzip=True)
        for does, rule, sent in (
            ("sends gzip in two members", "gRPC's core reads one member", HALVES),
            ("has zeros after gzip", "RFC 1952, 2.2", gzip.compress(MESSAGE) + b"\0" * 8),
            ("has other bytes after gzip", "RFC 1952, 2.2", gzip.compress(MESSAGE) + b"more"),
            ("leaves out the end of gzip", "RFC 1952, 2.3", gzip.compress(MESSAGE)[:-4]),
            ("has a wrong checksum in gzip", "RFC 1952, 2.3.1", gzip.compress(MESSAGE)[:-8] + b"\0" * 8),
            ("sends a message without compression and calls it gzip", "RFC 1952, 2.3", MESSAGE),
        )
    ),
    refused("sends gzip, unasked", COMPRESSION, answer(in_encoding("gzip"), COMPRESSED), UNREQUESTED),
    refused("compresses, and names no encoding", GRPC, answer(body=COMPRESSED), UNNAMED, gzip=True),
    refused("compresses, and names `identity`", GRPC, answer(in_encoding("identity"), COMPRESSED), UNNAMED, gzip=True),
    refused(
        "sends `deflate`",
        COMPRESSION,
        answer(in_encoding("deflate"), prefixed(zlib.compress(MESSAGE), compressed=True)),
        UNREQUESTED,
        gzip=True,
    ),
    *(
        refused(
            f"names the encoding `{name}`", COMPRESSION, answer(in_encoding(name), COMPRESSED), UNREQUESTED, gzip=True
        )
        for name in ("br", "x-gzip", "GZIP", "")
    ),
)

CALLS = (
    refused("ends without a message", GRPC, only(("grpc-status", "0")), NO_MESSAGE),
    refused("ends without grpc-status, and without a message", GRPC, only(), INVALID),
    refused("ends without grpc-status", GRPC, answer(end=(("a", "b"),)), INVALID),
    refused("has a grpc-status that is no number", GRPC, answer(end=(("grpc-status", "x"),)), INVALID),
    refused("has the grpc-status 99", GRPC, only(("grpc-status", "99")), Refusal("UNKNOWN")),
    accepted("writes grpc-status as `00`", "gRPC's core reads it as 0", answer(end=(("grpc-status", "00"),))),
    refused(
        "sends a message and the grpc-status 13",
        GRPC,
        answer(end=(("grpc-status", "13"),)),
        Refusal("INTERNAL"),
    ),
    refused(
        "sends the grpc-status 14",
        GRPC,
        only(("grpc-status", "14"), ("grpc-message", "busy")),
        Refusal("UNAVAILABLE: busy", ProducerUnreachable),
    ),
    refused("ends a call with DATA", GRPC, ended_by_data(), INVALID),
    refused("has grpc-status before the message", GRPC, ended_by_data(("grpc-status", "0")), INVALID),
    refused(
        "answers with a web page",
        GRPC,
        ended_by_data(head=((":status", "200"), ("content-type", "text/html"))),
        INVALID,
    ),
    accepted("has no content-type", "gRPC's core does not look", answer(((":status", "200"),))),
    status(301),
    status(401),
    status(404, OperationUnsupported),
    status(429, ProducerUnreachable),
    status(500),
    status(503, ProducerUnreachable),
    refused("sends less than the message", GRPC, answer(body=prefixed(MESSAGE)[:-1]), NO_MESSAGE),
    refused("sends what is no such message", GRPC, answer(body=prefixed(b"\xff\xff\xff")), NO_MESSAGE),
    refused("has a flag besides compressed", GRPC, answer(body=b"\2" + prefixed(MESSAGE)[1:]), NO_MESSAGE),
    Behaviour(
        does="sends two messages",
        rule=GRPC,
        script=always(answer(body=prefixed(MESSAGE) * 2)),
        refused=NO_MESSAGE,
        library_differs=TIMEOUT,
    ),
)

FRAMES = (
    accepted("sends the message in many DATA frames", "RFC 9113, 6.1", in_tiny_frames),
    accepted("sends header blocks in CONTINUATION", "RFC 9113, 6.10", continued),
    refused("interrupts a header block", "RFC 9113, 6.10", interrupted, INVALID_HTTP2),
    *(
        refused(f"has padding in {what}", CORE, padded(which), INVALID_HTTP2)
        for which, what in enumerate(("HEADERS", "DATA", "trailers"))
    ),
    refused(
        "sends 103 first",
        CORE,
        lambda peer, stream_id: serialized(peer.headers(stream_id, ((":status", "103"),))) + whole(peer, stream_id),
        INVALID_HTTP2,
    ),
    accepted("sends priorities", "RFC 9113, 5.3.2", with_priority),
    accepted("sends PING within a response", "RFC 9113, 6.7", answer(between=PingFrame(0, b"12345678").serialize())),
    accepted(
        "sends SETTINGS within a response",
        "RFC 9113, 6.5",
        answer(between=SettingsFrame(0, settings={1: 0, 3: 50, 4: 100_000, 5: 20_000}).serialize()),
    ),
    accepted("sends WINDOW_UPDATE", "RFC 9113, 6.9", before(WindowUpdateFrame(0, window_increment=5))),
    accepted(
        "sends frames of unknown types", "RFC 9113, 5.5", before(raw(0x42, 0xFF, 0, b"abc"), raw(10, 0, 0, b"\0\0a"))
    ),
    accepted("has a field of 9,000 bytes", "RFC 9110, 5.4", answer((*GRPC_HEAD, ("a", "a" * 9_000)))),
    accepted("has a trailer of 9,000 bytes", "RFC 9110, 5.4", answer(end=(*GRPC_OK, ("a", "a" * 9_000)))),
    accepted("has 200 fields", "RFC 9110, 5.4", answer((*GRPC_HEAD, *[(f"a{n}", "a") for n in range(200)]))),
    refused("has a field name in capitals", "RFC 9113, 8.2.1", answer((*GRPC_HEAD, ("A-Field", "a"))), INVALID_HTTP2),
    refused("has a blank in a field name", "RFC 9113, 8.2.1", answer((*GRPC_HEAD, ("a b", "a"))), INVALID_HTTP2),
    refused("has a field without a name", "RFC 9113, 8.2.1", answer((*GRPC_HEAD, ("", "a"))), INVALID_HTTP2),
    refused("has an unknown pseudo-field", "RFC 9113, 8.3", answer((*GRPC_HEAD, (":a", "a"))), INVALID_HTTP2),
    refused("has unknown flags in DATA", CORE, with_flags(0x40), INVALID_HTTP2),
    refused("opens a window by nothing", "RFC 9113, 6.9", before(raw(8, 0, 0, b"\0" * 4)), INVALID_HTTP2),
    refused("sends SETTINGS on a stream", "RFC 9113, 6.5", before(raw(4, 0, 1, b"")), INVALID_HTTP2),
    refused("has a PING of 7 bytes", "RFC 9113, 6.7", before(raw(6, 0, 0, b"1234567")), INVALID_HTTP2),
    refused("has a header block that is not HPACK", "RFC 9113, 4.3", bad_block, INVALID_HTTP2),
    refused("has a status that is no number", "RFC 9113, 8.3.2", answer(((":status", "abc"),)), INVALID_HTTP2),
    refused("sends a frame larger than allowed", "RFC 9113, 4.2", in_a_large_frame, INVALID_HTTP2),
    refused(
        "sends two header sections",
        "RFC 9113, 8.1",
        lambda peer, stream_id: serialized(peer.headers(stream_id, GRPC_HEAD)) + whole(peer, stream_id),
        INVALID_HTTP2,
    ),
    Behaviour(
        does="allows frames of 5 bytes",
        rule="RFC 9113, 6.5.2",
        script=always(whole, {5: 5}),
        refused=INVALID_HTTP2,
        connections=None,
    ),
    *(
        accepted(does, rule, sent)
        for does, rule, sent in (
            ("sends PUSH_PROMISE", f"RFC 9113, 8.4 forbids it; {OVERLOOKED}", pushing),
            (
                "sends HEADERS on a stream that was never opened",
                f"RFC 9113, 5.1 forbids it; {OVERLOOKED}",
                on_another_stream,
            ),
            (
                "has no status",
                f"RFC 9113, 8.3.2 forbids it; {OVERLOOKED}",
                answer((("content-type", "application/grpc"),)),
            ),
            (
                "opens a window too far",
                f"RFC 9113, 6.9.1 forbids it; {OVERLOOKED}",
                before(WindowUpdateFrame(0, window_increment=2**31 - 1)),
            ),
        )
    ),
    Behaviour(
        does="speaks HTTP/1.1", rule="RFC 9113, 3.4", script=speaking_http_1, refused=INVALID_HTTP2, connections=None
    ),
)

CONNECTIONS = (
    *(
        Behaviour(
            does=f"resets the stream with {name}",
            rule="RFC 9113, 6.4; no client repeats it",
            script=always(reset(code)),
            refused=Refusal(f"the stream was reset: {name}", kind),
        )
        for code, name, kind in (
            (0, "NO_ERROR", UnexpectedResponse),
            (2, "INTERNAL_ERROR", UnexpectedResponse),
            (7, "REFUSED_STREAM", ProducerUnreachable),
            (8, "CANCEL", UnexpectedResponse),
        )
    ),
    accepted(
        "resets the stream after the response",
        "RFC 9113, 8.1",
        lambda peer, stream_id: whole(peer, stream_id) + reset(0)(peer, stream_id),
    ),
    Behaviour(does="sends GOAWAY within each response", rule="RFC 9113, 6.8", script=always(graceful), connections=3),
    Behaviour(
        does="refuses the second call on a connection with GOAWAY",
        rule="RFC 9113, 6.8; no client repeats it",
        script=then(lambda _, stream_id: goaway(stream_id - 2)),
        refused=Refusal("the producer sent GOAWAY: NO_ERROR", ProducerUnreachable),
        fails=(1,),
        connections=2,
    ),
    Behaviour(
        does="sends GOAWAY on an idle connection and closes it",
        rule="RFC 9113, 6.8",
        script=closing(whole, announced=True),
        connections=3,
        closes_idle=True,
    ),
    Behaviour(
        does="closes each connection after its response",
        rule="RFC 9113, 5.4",
        script=closing(whole),
        connections=3,
        closes_idle=True,
    ),
    Behaviour(
        does="closes the connection when the second call comes",
        rule="RFC 9113, 5.4; no client repeats it",
        script=closing_at_the_second,
        refused=CLOSED,
        fails=(1,),
        connections=2,
    ),
    Behaviour(
        does="closes the connection without a response",
        rule="RFC 9113, 5.4",
        script=closing(None),
        refused=CLOSED,
        connections=None,
    ),
    Behaviour(
        does="closes the connection within the response",
        rule="RFC 9113, 5.4",
        script=closing(lambda peer, stream_id: whole(peer, stream_id)[:-20]),
        refused=CLOSED,
        connections=None,
    ),
)

TLS = (
    *(
        Behaviour(
            does=f"offers TLS {name} only", rule="RFC 9325, 3.1.1", script=always(whole), tls=Tls(version, ("h2",))
        )
        for name, version in (("1.2", ssl.TLSVersion.TLSv1_2), ("1.3", ssl.TLSVersion.TLSv1_3))
    ),
    *(
        Behaviour(
            does=f"offers {what}",
            rule="RFC 9113, 3.3",
            script=always(whole),
            tls=Tls(alpn=alpn),
            refused=Refusal(causes.NO_HTTP2, ProducerUnreachable),
            connections=None,
        )
        for what, alpn in (("no ALPN", ()), ("http/1.1 only", ("http/1.1",)))
    ),
    *odd_http1.HANDSHAKES,
)

GROUPS = {
    "gRPC: encodings": ENCODINGS,
    "gRPC: calls": CALLS,
    "gRPC: frames": FRAMES,
    "gRPC: connections": CONNECTIONS,
    "gRPC: TLS": TLS,
}
