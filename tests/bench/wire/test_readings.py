"""From recordings to sizes, on made-up connections: medians, set-up, the proof by the twin, and what cannot be told."""

import pytest

from bench.protocols import protocol as row
from bench.results import SetupSizes, Sizes
from bench.wire.reading import PlainReading, Unreadable, plain_bytes, read_plain
from bench.wire.recording import Chunk, Direction, Recording
from bench.wire.tls_twin import ahead_of_requests, floating_differences, read_tls, tls_bytes, tls_bytes_alone
from tests.bench.wire.test_codecs import GET, JSON, answer
from tests.bench.wire.test_tls import KEY_SHARE, TLS_1_3, client_hello_bytes, record, server_hello_bytes

SENT, RECEIVED = Direction.SENT, Direction.RECEIVED
FRAMES = (9, 13, 17)


def recording(*chunks: tuple[Direction, int, bytes]) -> Recording:
    return Recording([Chunk(*chunk) for chunk in chunks])


def sealed(size: int) -> bytes:
    """A record of application data with so many bytes of content."""
    return record(23, bytes(size + 17))


def plain_recording(*bodies: bytes) -> Recording:
    chunks = []
    for number, body in enumerate(bodies):
        chunks += [(SENT, number, GET), (RECEIVED, number, answer(body))]
    return recording(*chunks)


CLIENT_HELLO = record(22, client_hello_bytes())
SERVER_HELLO = record(22, server_hello_bytes(TLS_1_3, KEY_SHARE))
TICKET = sealed(200)
HANDSHAKE = [
    (SENT, 0, CLIENT_HELLO),
    (RECEIVED, 0, SERVER_HELLO + sealed(600)),
    (SENT, 0, record(20, b"\x01") + sealed(36)),
]


def tls_recording(*bodies: bytes, grown_bytes: int = 0) -> Recording:
    chunks = [*HANDSHAKE, (RECEIVED, 0, TICKET)]
    for number, body in enumerate(bodies):
        chunks += [(SENT, number, sealed(len(GET))), (RECEIVED, number, sealed(len(answer(body)) + grown_bytes))]
    return recording(*chunks, (SENT, len(bodies), sealed(2)))


BODIES = [JSON, JSON, JSON, b"{}", JSON]


def twin() -> PlainReading:
    return read_plain([plain_recording(*BODIES)], row("http").codec(), len(BODIES))


def test_sizes_of_a_plain_cell_are_medians_without_the_first_requests() -> None:
    reading = read_plain([Recording(), plain_recording(b"", b"", b"123", b"12345", b"1234567")], row("http").codec(), 5)
    found = plain_bytes(reading)
    framed_bytes = len(answer(b"12345"))
    assert found.response == sizes_of_http(5, framed_bytes)
    assert found.request == sizes_of_http(0, len(GET))
    assert found.setup == SetupSizes(sent_wire_bytes=0, received_wire_bytes=0)
    assert found.coding == "identity"
    assert reading.closing_bytes == {SENT: 0, RECEIVED: 0}


def sizes_of_http(body_bytes: int, framed_bytes: int) -> Sizes:
    """HTTP/1.1 without coding: the connection itself sends nothing."""
    return Sizes(
        message_bytes=body_bytes,
        compressed_bytes=body_bytes,
        framed_bytes=framed_bytes,
        connection_bytes=0,
        wire_bytes=framed_bytes,
    )


def test_messages_that_cannot_be_decoded_leave_their_size_unknown() -> None:
    chunks = []
    for number in range(4):
        coding = b"Content-Encoding: br" if number == 3 else b"Vary: x"
        chunks += [(SENT, number, GET), (RECEIVED, number, answer(b"12345", coding))]
    found = plain_bytes(read_plain([recording(*chunks)], row("http").codec(), 4))
    assert found.response.message_bytes is None
    assert found.response.compressed_bytes == 5
    assert found.coding == "mixed"


@pytest.mark.parametrize(
    ("recordings", "reason"),
    [
        ([], "over 0 connections"),
        ([plain_recording(b""), plain_recording(b"")], "over 2 connections"),
        ([Recording(plain_recording(b"").chunks, truncated=True)], "more than the tap may keep"),
        ([Recording(plain_recording(b"").chunks, from_start=False)], "not recorded as a whole"),
        ([plain_recording(b"", b"")], "1 questions were asked and 2 complete exchanges"),
        ([recording((SENT, 0, GET))], "1 questions were asked and 0 complete exchanges"),
        ([recording((SENT, 0, GET), (RECEIVED, 0, b"junk\n"))], "5 bytes could not be parsed"),
    ],
)
def test_recordings_of_which_nothing_can_be_told(recordings: list[Recording], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read_plain(recordings, row("http").codec(), 1)


def test_sizes_inside_tls_are_the_twins_and_wire_bytes_those_of_the_records() -> None:
    reading = read_tls([tls_recording(*BODIES)], len(BODIES))
    found, warnings = tls_bytes(reading, twin(), ())
    plain = plain_bytes(twin())
    assert warnings == []
    assert plain.response.wire_bytes is not None
    assert found.response == Sizes(
        message_bytes=plain.response.message_bytes,
        compressed_bytes=plain.response.compressed_bytes,
        framed_bytes=plain.response.framed_bytes,
        connection_bytes=0,
        wire_bytes=plain.response.wire_bytes + 22,
    )
    assert found.request.wire_bytes == len(GET) + 22
    assert found.setup.sent_wire_bytes == len(CLIENT_HELLO) + 6 + 22 + 36
    assert found.setup.received_wire_bytes == len(SERVER_HELLO) + 622 + len(TICKET)
    assert reading.session.version == "TLSv1.3"
    assert reading.wire_bytes[SENT][-1] == 24
    for direction in Direction:
        recorded_bytes = len(tls_recording(*BODIES).content(direction))
        assert sum(reading.parts[direction].values()) == sum(reading.wire_bytes[direction]) == recorded_bytes
    assert reading.parts[SENT]["application_data.protection"] == 17 * (len(BODIES) + 2)
    assert reading.parts[SENT]["application_data.content"] == 36 + len(BODIES) * len(GET) + 2


def test_contents_of_another_length_are_not_the_twins() -> None:
    reading = read_tls([tls_recording(*BODIES, grown_bytes=50)], len(BODIES))
    found, (setup_warning, warning) = tls_bytes(reading, twin(), FRAMES)
    assert "bytes received before the first request cannot be told" in setup_warning
    assert warning == "bytes received inside TLS differ from those without it, by up to 50 a request"
    assert found.response.framed_bytes is None
    assert found.response.wire_bytes == len(answer(JSON)) + 50 + 22
    assert found.setup.received_wire_bytes is None
    assert found.request.framed_bytes == len(GET)


def test_frames_whose_time_is_open_may_make_the_difference() -> None:
    reading = read_tls([tls_recording(*BODIES, grown_bytes=17)], len(BODIES))
    found, warnings = tls_bytes(reading, twin(), FRAMES)
    assert warnings == []
    assert found.response.framed_bytes == len(answer(JSON))
    assert found.setup.received_wire_bytes == len(SERVER_HELLO) + 622 + len(TICKET)
    _, warnings = tls_bytes(reading, twin(), ())
    assert len(warnings) == 2
    assert {0, 4, 8, 9, 13, 17, 26, 34} <= floating_differences(FRAMES)


def test_where_content_begins_must_be_certain() -> None:
    # Two records of 10 bytes each before the answer, which is 10 bytes off: it may begin with either.
    chunks = [*HANDSHAKE, (SENT, 0, sealed(len(GET))), (RECEIVED, 0, sealed(20) + sealed(len(answer(JSON)) - 10))]
    reading = read_tls([recording(*chunks)], 1)
    only = read_plain([plain_recording(JSON)], row("http").codec(), 1)
    assert ahead_of_requests(reading, only, RECEIVED, FRAMES) is None
    assert ahead_of_requests(reading, only, RECEIVED, ()) is None


def test_a_client_certificate_is_part_of_the_set_up() -> None:
    chunks = [*HANDSHAKE[:2], (SENT, 0, sealed(700) + sealed(36))]
    for number, body in enumerate(BODIES):
        chunks += [(SENT, number, sealed(len(GET))), (RECEIVED, number, sealed(len(answer(body))))]
    found, warnings = tls_bytes(read_tls([recording(*chunks)], len(BODIES)), twin(), ())
    assert warnings == []
    assert found.setup.sent_wire_bytes == len(CLIENT_HELLO) + 22 + 700 + 22 + 36


def test_without_a_twin_only_wire_bytes_are_known() -> None:
    found = tls_bytes_alone(read_tls([tls_recording(*BODIES)], len(BODIES)))
    assert found.request == Sizes(wire_bytes=len(GET) + 22)
    assert found.setup == SetupSizes()


@pytest.mark.parametrize(
    ("chunks", "reason"),
    [
        ([(SENT, 0, CLIENT_HELLO)], "no TLS handshake"),
        ([(SENT, 0, GET)], "no TLS handshake"),
        ([(SENT, 0, CLIENT_HELLO), (RECEIVED, 0, record(22, server_hello_bytes()))], "TLSv1.2 was agreed on"),
        ([*HANDSHAKE, (RECEIVED, 0, b"junk!")], "5 bytes are no TLS records"),
    ],
)
def test_connections_that_are_not_tls_1_3(chunks: list[tuple[Direction, int, bytes]], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read_tls([recording(*chunks)], 1)
