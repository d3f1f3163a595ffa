"""The bytes between a front and a producer, from recordings with known bytes."""

from bench.wire.behind_front import bytes_behind
from bench.wire.http1 import Http1Codec
from bench.wire.recording import Chunk, Direction, Recording
from bench.wire.results import SetupSizes, Sizes

REQUEST = b"GET /recipes/1 HTTP/1.1\r\nHost: a\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def exchange(interval: int) -> list[Chunk]:
    return [Chunk(Direction.SENT, interval, REQUEST), Chunk(Direction.RECEIVED, interval, RESPONSE)]


def test_one_connection_is_parsed() -> None:
    found = bytes_behind([Recording([each for n in range(5) for each in exchange(n)])], Http1Codec(), 5, tls=False)
    assert found.request.wire_bytes == found.request.framed_bytes == len(REQUEST)
    assert (found.response.message_bytes, found.response.wire_bytes) == (2, len(RESPONSE))
    assert (found.setup, found.coding) == (SetupSizes(sent_wire_bytes=0, received_wire_bytes=0), "identity")


def test_a_connection_for_each_request_is_counted_on_the_wire() -> None:
    recordings = [Recording(exchange(n)) for n in range(5)]
    found = bytes_behind(recordings, Http1Codec(), 5, tls=False)
    assert found.request == Sizes(wire_bytes=len(REQUEST))
    assert found.response == Sizes(wire_bytes=len(RESPONSE))
    assert (found.setup, found.coding) == (SetupSizes(), None)


def test_what_cannot_be_parsed_is_counted_on_the_wire() -> None:
    noise = [Chunk(direction, n, bytes(7)) for n in range(4) for direction in Direction]
    found = bytes_behind([Recording(noise)], Http1Codec(), 4, tls=True)
    assert (found.request, found.response) == (Sizes(wire_bytes=7), Sizes(wire_bytes=7))


def test_nothing_is_known_of_nothing() -> None:
    assert bytes_behind([], Http1Codec(), 4, tls=False).request == Sizes()
    cut = Recording(exchange(3), truncated=True)
    assert bytes_behind([cut], Http1Codec(), 4, tls=False).request == Sizes()
