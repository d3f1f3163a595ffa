"""From recordings to readings and sizes, on hand-made connections: medians, set-up, the twin, and what is not known."""

import pytest

from bench.protocols import protocol as row
from bench.wire.reading import Reading, read_plain, sizes_of
from bench.wire.recording import Chunk, Direction, Recording, Unreadable, only_connection
from bench.wire.results import SetupSizes, Sizes
from bench.wire.tls import parse_tls
from bench.wire.tls_twin import frame_differences, read_beside_twin, read_undivided
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


def plain(recording: Recording, requests: int) -> Reading:
    return read_plain(recording, row("http").codec(), requests)


def beside_twin(recording: Recording, *, bodies: list[bytes] = BODIES, frames: tuple[int, ...] = ()) -> Reading:
    """Read a TLS connection beside a plain one with these bodies."""
    return read_beside_twin(parse_tls(recording), plain(plain_recording(*bodies), len(bodies)), frames)


def test_sizes_of_a_plain_cell_are_medians_without_the_first_requests() -> None:
    reading = plain(plain_recording(b"", b"", b"123", b"12345", b"1234567"), 5)
    found, reasons = sizes_of(reading)
    framed_bytes = len(answer(b"12345"))
    assert reasons == ()
    assert found.response == sizes_of_http(5, framed_bytes)
    assert found.request == sizes_of_http(0, len(GET))
    assert found.setup == SetupSizes(sent_wire_bytes=0, received_wire_bytes=0)
    assert found.coding == "identity"
    assert [reading.ways[direction].closing.total_bytes for direction in Direction] == [0, 0]


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
    found, _ = sizes_of(plain(recording(*chunks), 4))
    assert found.response.message_bytes is None
    assert found.response.compressed_bytes == 5
    assert found.coding == "mixed"


@pytest.mark.parametrize(
    ("recordings", "reason"),
    [
        ([], "used 0 connections"),
        ([plain_recording(b""), plain_recording(b"")], "used 2 connections"),
        ([Recording(plain_recording(b"").chunks, truncated=True)], "exceeds the tap's limit"),
        ([Recording(plain_recording(b"").chunks, from_start=False)], "is incomplete"),
    ],
)
def test_all_requests_must_be_on_one_whole_connection(recordings: list[Recording], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        only_connection(recordings)


def test_unused_connections_are_ignored() -> None:
    used = plain_recording(b"")
    assert only_connection([Recording(), used, Recording()]) is used


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (plain_recording(b"", b""), "1 requests were sent, but 2 complete ones were recorded"),
        (recording((SENT, 0, GET)), "1 requests were sent, but 0 complete ones were recorded"),
        (recording((SENT, 0, GET), (RECEIVED, 0, b"junk\n")), "5 bytes could not be parsed"),
    ],
)
def test_unreadable_recordings_are_errors(found: Recording, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        plain(found, 1)


def test_sizes_inside_tls_are_the_twins_and_wire_bytes_those_of_the_records() -> None:
    reading = beside_twin(tls_recording(*BODIES))
    found, reasons = sizes_of(reading)
    twin, _ = sizes_of(plain(plain_recording(*BODIES), len(BODIES)))
    assert reasons == ()
    assert twin.response.wire_bytes is not None
    assert found.response == Sizes(
        message_bytes=twin.response.message_bytes,
        compressed_bytes=twin.response.compressed_bytes,
        framed_bytes=twin.response.framed_bytes,
        connection_bytes=0,
        wire_bytes=twin.response.wire_bytes + 22,
    )
    assert found.request.wire_bytes == len(GET) + 22
    assert found.setup.sent_wire_bytes == len(CLIENT_HELLO) + 6 + 22 + 36
    assert found.setup.received_wire_bytes == len(SERVER_HELLO) + 622 + len(TICKET)
    assert reading.tls_session is not None
    assert reading.tls_session.version == "TLSv1.3"
    assert reading.ways[SENT].closing.named == {"tls.alert": 2, "tls.record_header": 5, "tls.inner_type_and_tag": 17}
    for direction in Direction:
        assert reading.ways[direction].total_bytes == len(tls_recording(*BODIES).content(direction))


def test_contents_of_another_length_are_not_the_twins() -> None:
    found, (setup_reason, reason) = sizes_of(beside_twin(tls_recording(*BODIES, grown_bytes=50), frames=FRAMES))
    assert setup_reason == "bytes received before the first request are not known apart from its own"
    assert reason == "bytes received inside TLS do not match those without TLS in 3 of 3 requests"
    assert found.response == Sizes(wire_bytes=len(answer(JSON)) + 50 + 22)
    assert found.setup.received_wire_bytes is None
    assert found.request.framed_bytes == len(GET)


def test_connection_frames_can_account_for_a_difference() -> None:
    grown = tls_recording(*BODIES, grown_bytes=17)
    found, reasons = sizes_of(beside_twin(grown, frames=FRAMES))
    assert reasons == ()
    assert (found.response.framed_bytes, found.response.connection_bytes) == (len(answer(JSON)), 17)
    assert found.setup.received_wire_bytes == len(SERVER_HELLO) + 622 + len(TICKET)
    _, reasons = sizes_of(beside_twin(grown))
    assert len(reasons) == 2
    assert {0, 4, 8, 9, 13, 17, 26, 34} <= frame_differences(FRAMES)


def test_sizes_are_those_of_all_requests_though_only_some_match_the_twin() -> None:
    """The shorter responses do not match, and the median must not move to the longer ones."""
    bodies = [b"", b"", b"1", b"12", b"123", b"1234", b"12345"]
    chunks = [*HANDSHAKE, (RECEIVED, 0, TICKET)]
    for number, body in enumerate(bodies):
        other_bytes = 1 if number in (2, 3) else 0
        chunks += [(SENT, number, sealed(len(GET))), (RECEIVED, number, sealed(len(answer(body)) + other_bytes))]
    found, reasons = sizes_of(beside_twin(recording(*chunks), bodies=bodies))
    assert reasons == ()
    assert (found.response.message_bytes, found.response.framed_bytes) == (3, len(answer(b"123")))


def test_an_ambiguous_start_of_content_is_not_accepted() -> None:
    # Two records of 10 bytes each before the response, which is 10 bytes off: it may begin with either.
    chunks = [*HANDSHAKE, (SENT, 0, sealed(len(GET))), (RECEIVED, 0, sealed(20) + sealed(len(answer(JSON)) - 10))]
    for frames in (FRAMES, ()):
        reading = beside_twin(recording(*chunks), bodies=[JSON], frames=frames)
        assert (reading.ways[SENT].setup_known, reading.ways[RECEIVED].setup_known) == (True, False)


def test_a_client_certificate_is_part_of_the_set_up() -> None:
    chunks = [*HANDSHAKE[:2], (SENT, 0, sealed(700) + sealed(36))]
    for number, body in enumerate(BODIES):
        chunks += [(SENT, number, sealed(len(GET))), (RECEIVED, number, sealed(len(answer(body))))]
    found, reasons = sizes_of(beside_twin(recording(*chunks)))
    assert reasons == ()
    assert found.setup.sent_wire_bytes == len(CLIENT_HELLO) + 22 + 700 + 22 + 36


def test_without_a_twin_only_wire_bytes_are_known() -> None:
    reading = read_undivided(parse_tls(tls_recording(*BODIES)), len(BODIES))
    found, reasons = sizes_of(reading)
    assert found.request == Sizes(wire_bytes=len(GET) + 22)
    assert found.setup == SetupSizes()
    assert found.coding is None
    assert reasons == ()
    for direction in Direction:
        assert reading.ways[direction].total_bytes == len(tls_recording(*BODIES).content(direction))
