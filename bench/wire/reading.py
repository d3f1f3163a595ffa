"""What recordings say about one request in steady state and about one connection. Pure.

Requests went one after the other, with a mark of the tap after each answer. So interval `i` of a recording holds all
that went over the wire for request `i`, flow control and pings of its connection included, and the interval behind the
last request holds what ended the connection.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.results import Bytes, SetupSizes, Sizes
from bench.wire.codec import Codec, Conversation, Exchange, MessageSizes
from bench.wire.inflation import IDENTITY
from bench.wire.parts import total_bytes
from bench.wire.recording import Direction, Recording

WARM_UP_REQUESTS = 2
"""Requests ahead of the steady state: the first fills HPACK's tables and gets the session tickets, and frames of the
connection's set-up may reach into the second."""


class Unreadable(Exception):
    """The recordings do not show what was asked. The text says why, in words for a report."""


@dataclass(frozen=True, slots=True)
class PlainReading:
    """The plain connection of a cell."""

    conversation: Conversation
    interval_bytes: Mapping[Direction, Sequence[int]]
    """Everything handed to TCP: for each request, and behind the last one for what ended the connection."""

    @property
    def setup_bytes(self) -> dict[Direction, int]:
        """Bytes of the connection ahead of the first request's, and of its answer's."""
        return {direction: total_bytes(parts) for direction, parts in self.conversation.setup.items()}

    @property
    def closing_bytes(self) -> dict[Direction, int]:
        """Bytes after the last answer."""
        return {direction: sizes[-1] for direction, sizes in self.interval_bytes.items()}


def only_connection(recordings: Sequence[Recording]) -> Recording:
    """The one connection that all requests went over. Raises Unreadable when there is none, or more."""
    used = [recording for recording in recordings if recording.chunks]
    if len(used) != 1:
        raise Unreadable(f"the requests went over {len(used)} connections, not one")
    if used[0].truncated or not used[0].from_start:
        raise Unreadable("the connection was not recorded as a whole: it carried more than the tap may keep")
    return used[0]


def bytes_by_interval(recording: Recording, direction: Direction, requests: int) -> list[int]:
    """Bytes of `direction` for each request, and one more figure for what came after the last."""
    sizes = [0] * (requests + 1)
    for chunk in recording.chunks:
        if chunk.direction is direction:
            sizes[chunk.interval] += len(chunk.data)
    return sizes


def read_plain(recordings: Sequence[Recording], codec: Codec, requests: int) -> PlainReading:
    """What the recordings of a plain cell show, `requests` being how many questions were asked, one after the other.

    Raises Unreadable when it cannot be told which bytes belong to which request, and BytesUnaccounted.
    """
    recording = only_connection(recordings)
    contents = {direction: recording.content(direction) for direction in Direction}
    conversation = codec.conversation(contents[Direction.SENT], contents[Direction.RECEIVED])
    if conversation.unparsed_bytes:
        raise Unreadable(f"{conversation.unparsed_bytes} bytes could not be parsed")
    complete = sum(exchange.complete for exchange in conversation.exchanges)
    if complete != requests or len(conversation.exchanges) != requests:
        raise Unreadable(f"{requests} questions were asked and {complete} complete exchanges were seen")
    intervals = {direction: bytes_by_interval(recording, direction, requests) for direction in Direction}
    return PlainReading(conversation, intervals)


def plain_bytes(reading: PlainReading) -> Bytes:
    """The sizes of a plain cell: medians over the requests of the steady state."""
    steady = reading.conversation.exchanges[WARM_UP_REQUESTS:]
    wire = {direction: sizes[WARM_UP_REQUESTS:-1] for direction, sizes in reading.interval_bytes.items()}
    return Bytes(
        request=message_medians([e.request for e in steady], wire[Direction.SENT]),
        response=message_medians([e.response for e in steady], wire[Direction.RECEIVED]),
        setup=setup_sizes(reading.setup_bytes),
        coding=common_coding(steady),
    )


def steady_median(sizes: Sequence[int]) -> float:
    """The median over the requests of the steady state, of sizes by interval."""
    return float(median(sizes[WARM_UP_REQUESTS:-1]))


def message_medians(messages: Sequence[MessageSizes], wire_bytes: Sequence[int]) -> Sizes:
    """Each size's median; null for the message's where one could not be decoded.

    `wire_bytes` holds, for each message, everything that went its way while it was on the way.
    """
    decoded = [m.message_bytes for m in messages if m.message_bytes is not None]
    return Sizes(
        message_bytes=float(median(decoded)) if len(decoded) == len(messages) else None,
        compressed_bytes=float(median(m.compressed_bytes for m in messages)),
        framed_bytes=float(median(m.framed_bytes for m in messages)),
        connection_bytes=float(median(all_ - m.framed_bytes for m, all_ in zip(messages, wire_bytes, strict=True))),
        wire_bytes=float(median(wire_bytes)),
    )


def setup_sizes(setup_bytes: Mapping[Direction, int | None]) -> SetupSizes:
    """As they stand in the run file."""
    sent, received = setup_bytes[Direction.SENT], setup_bytes[Direction.RECEIVED]
    return SetupSizes(
        sent_wire_bytes=None if sent is None else float(sent),
        received_wire_bytes=None if received is None else float(received),
    )


def common_coding(exchanges: Sequence[Exchange]) -> str:
    """The coding of all answers, or `mixed`."""
    codings = {exchange.coding for exchange in exchanges}
    return codings.pop() if len(codings) == 1 else "mixed" if codings else IDENTITY
