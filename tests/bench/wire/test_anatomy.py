"""The anatomy of hand-made connections: every byte has its phase, for any bytes in any chunking."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.protocols import PROTOCOLS
from bench.protocols import protocol as row
from bench.wire.anatomy import anatomy_of, check_phases
from bench.wire.parts import CATEGORY_OF, BytesUnaccounted, UnknownPart
from bench.wire.reading import Reading, Way, plain_ways, read_plain
from bench.wire.recording import Chunk, Direction, Recording
from bench.wire.results import Anatomy
from bench.wire.tls import TlsConnection, parse_tls
from bench.wire.tls_twin import read_beside_twin

SENT, RECEIVED = Direction.SENT, Direction.RECEIVED
ASK = b"GET /recipes/%d HTTP/1.1\r\nHost: kitchen\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nstir"


def recording(*intervals: tuple[bytes, bytes]) -> Recording:
    """Sent and received, by interval."""
    chunks = []
    for interval, (sent, received) in enumerate(intervals):
        chunks += [Chunk(SENT, interval, sent)] if sent else []
        chunks += [Chunk(RECEIVED, interval, received)] if received else []
    return Recording(chunks)


def http(requests: int) -> Recording:
    return recording(*[(ASK % number, ANSWER) for number in range(requests)], (b"", b""))


def anatomy(found: Recording, protocol: str, requests: int) -> Anatomy:
    made = anatomy_of(read_plain(found, row(protocol).codec(), requests))
    assert made is not None
    return made


def test_the_phases_of_a_connection() -> None:
    found = anatomy(http(5), "http", 5)
    ask = {"request_line": 25, "header_fields": 17}
    answer = {"status_line": 17, "header_fields": 21, "body": 4}
    assert (found.requests, found.steady_requests, found.inside_tls) == (5, 3, None)
    assert (found.setup.sent, found.closing.received) == ({}, {})
    assert (found.first.sent, found.first.received) == (ask, answer)
    assert found.settling.sent == found.last.sent == ask
    assert found.steady.received == {name: 3 * size for name, size in answer.items()}
    assert found.total == {"sent": 5 * 42, "received": 5 * 42}
    header = found.last_headers.request
    assert (header.wire_bytes, header.plain_bytes, header.fields) == (42, 15, [("host", "kitchen")])


def test_http2_frames_of_the_connection_count_with_the_request_they_were_sent_with() -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)
    ping = frame(6, 0, 0, bytes(8))
    found = anatomy(
        recording(
            (preface + headers(1) + data(1), headers(1) + data(1)),
            (headers(3) + data(3), headers(3) + data(3)),
            (ping + headers(5) + data(5), headers(5) + data(5)),
            (b"", frame(7, 0, 0, bytes(8))),
        ),
        "grpc",
        3,
    )
    assert found.setup.sent == {"preface": 24, "settings.frame_header": 9}
    assert found.steady.sent["ping.payload"] == 8
    assert "ping.payload" not in {**found.first.sent, **found.settling.sent}
    assert found.closing.received == {"goaway.frame_header": 9, "goaway.payload": 8}


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def headers(stream: int) -> bytes:
    return frame(1, 0x4, stream, b"\x82")


def data(stream: int) -> bytes:
    return frame(0, 0x1, stream, b"\0\0\0\0\3abc")


def test_phases_that_do_not_sum_are_an_error() -> None:
    found = anatomy(http(3), "http", 3)
    found.total["sent"] += 1
    with pytest.raises(BytesUnaccounted, match=r"sent: 127 bytes were recorded, but the parts have 126"):
        check_phases(found)


def test_a_name_that_is_not_declared_is_an_error() -> None:
    found = anatomy(http(3), "http", 3)
    found.steady.received["cookies"] = found.steady.received.pop("body")
    with pytest.raises(UnknownPart, match="'cookies' is not a declared part name"):
        check_phases(found)


cuts = st.lists(st.integers(1, 40), min_size=1, max_size=12)


def cut(data: bytes, direction: Direction, interval: int, sizes: Sequence[int]) -> list[Chunk]:
    chunks, at = [], 0
    for number in range(len(data)):
        size = sizes[number % len(sizes)]
        if piece := data[at : at + size]:
            chunks.append(Chunk(direction, interval, piece))
        at += size
    return chunks


HTTP2_START = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + headers(1)
hostile = st.binary(max_size=300) | st.builds(
    lambda start, length, tail: start[:length] + tail,
    st.sampled_from([ASK % 1 + ANSWER, ANSWER, HTTP2_START + data(1), HTTP2_START[33:] + data(1)]),
    st.integers(0, 120),
    st.binary(max_size=60),
)


@given(sent=st.lists(hostile, min_size=3, max_size=3), received=st.lists(hostile, min_size=3, max_size=3), cuts=cuts)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_any_bytes_in_any_chunking_have_the_same_names(
    protocol: str, sent: list[bytes], received: list[bytes], cuts: list[int]
) -> None:
    whole = recording(*zip(sent, received, strict=True))
    chunks = [
        chunk
        for interval in range(3)
        for direction, stream in ((SENT, sent), (RECEIVED, received))
        for chunk in cut(stream[interval], direction, interval, cuts)
    ]
    ways = ways_of(whole, protocol)
    assert ways == ways_of(Recording(chunks), protocol)
    assert ways[SENT].total_bytes == sum(map(len, sent))
    assert ways[RECEIVED].total_bytes == sum(map(len, received))
    for way in ways.values():
        for named in (way.setup, *(span.named for span in (*way.requests, way.closing))):
            assert set(named) <= set(CATEGORY_OF)


def ways_of(found: Recording, protocol: str) -> dict[Direction, Way]:
    """The anatomy of two requests, which may be incomplete."""
    parsed = row(protocol).codec().parse(found.content(SENT), found.content(RECEIVED))
    return plain_ways(found, parsed.parts, list(parsed.contents), 2)


def record(kind: int, payload: bytes) -> bytes:
    return bytes([kind, 3, 3]) + len(payload).to_bytes(2) + payload


PROTECTION_BYTES = 17
HELLO = record(22, bytes.fromhex("0200002e0303") + bytes(32) + bytes.fromhex("00130100" + "0006" + "002b00020304"))


def protected(content_bytes: int) -> bytes:
    return record(23, bytes(content_bytes + PROTECTION_BYTES))


def tls_connection(sent: Sequence[bytes], received: Sequence[bytes]) -> TlsConnection:
    return parse_tls(recording(*zip(sent, received, strict=True)))


ASK_BYTES, ANSWER_BYTES = len(ASK % 1), len(ANSWER)


def named_inside(sent: Sequence[bytes], received: Sequence[bytes]) -> Reading:
    requests = len(sent) - 1
    codec = row("http").codec()
    return read_beside_twin(tls_connection(sent, received), read_plain(http(requests), codec, requests), ())


def test_a_plain_twin_names_the_content_inside_tls() -> None:
    client = record(22, b"\x01\x00\x00\x00") + record(20, b"\x01") + protected(36)
    server = HELLO + protected(700) + protected(36) + protected(200)
    ways = named_inside(
        [client + protected(ASK_BYTES), *[protected(ASK_BYTES)] * 3, protected(2)],
        [server + protected(ANSWER_BYTES), *[protected(ANSWER_BYTES)] * 3, b""],
    ).ways
    assert ways[SENT].setup == {
        "tls.handshake": 36,
        "tls.record_header": 15,
        "tls.clear": 5,
        "tls.inner_type_and_tag": 17,
    }
    for request in ways[SENT].requests:
        assert request.named == {
            "request_line": 25,
            "header_fields": 17,
            "tls.record_header": 5,
            "tls.inner_type_and_tag": 17,
        }
    assert ways[SENT].closing.named == {"tls.alert": 2, "tls.record_header": 5, "tls.inner_type_and_tag": 17}
    assert ways[RECEIVED].setup["tls.handshake"] == 936
    assert ways[RECEIVED].requests[0].named["body"] == 4


def test_content_of_another_length_is_not_named() -> None:
    ways = named_inside(
        [protected(ASK_BYTES), protected(ASK_BYTES + 1), protected(ASK_BYTES), b""],
        [HELLO + protected(ANSWER_BYTES), protected(ANSWER_BYTES), protected(ANSWER_BYTES - 3), protected(40)],
    ).ways
    assert ways[SENT].requests[1].named["tls.undivided"] == ASK_BYTES + 1
    assert ways[SENT].requests[2].named["request_line"] == 25
    assert ways[RECEIVED].requests[2].named["tls.undivided"] == ANSWER_BYTES - 3
    assert ways[RECEIVED].closing.named["tls.undivided"] == 40


def test_less_content_than_the_twins_first_request_is_not_named() -> None:
    ways = named_inside([protected(3), protected(ASK_BYTES), b""], [HELLO + protected(ANSWER_BYTES)] + [b""] * 2).ways
    assert ways[SENT].requests[0].named["tls.undivided"] == 3
    assert not ways[SENT].setup_known
    assert ways[RECEIVED].requests[1].named == {}


def test_frames_of_the_connection_inside_tls_are_recognised_by_length() -> None:
    request, answer = headers(1) + data(1), headers(1) + data(1)
    twin = recording(*[(headers(n) + data(n), headers(n) + data(n)) for n in (1, 3, 5)], (b"", b""))
    # Without a preface nothing is HTTP/2, so the twin's client sends it first.
    twin.chunks[0] = Chunk(SENT, 0, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + twin.chunks[0].data)
    connection = tls_connection(
        [protected(24 + len(request)), protected(len(request) + 17 + 13), protected(len(request) + 5), b""],
        [HELLO + protected(len(answer)), protected(len(answer)), protected(len(answer)), b""],
    )
    codec = row("grpc").codec()
    ways = read_beside_twin(connection, read_plain(twin, codec, 3), codec.floating_frame_bytes).ways
    assert ways[SENT].setup["preface"] == 24
    assert ways[SENT].requests[1].named["connection_frames"] == 30
    assert ways[SENT].requests[1].named["data.message"] == 3
    assert ways[SENT].requests[2].named["tls.undivided"] == len(request) + 5
