"""One plain connection, taken apart: its exchanges, and the bytes that belong to the connection itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.wire.parts import UNPARSED, Part, bytes_by_name, check_sum, total_bytes
from bench.wire.recording import Direction

PartSizes = Mapping[str, int]
"""Bytes by the name of the part."""

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Content:
    """What one message carries, framing aside."""

    message_bytes: int | None
    """Without content coding; None where it could not be decoded."""
    compressed_bytes: int
    coding: str
    """The coding that was applied, `identity` for none."""
    complete: bool
    headers: Headers = ()
    """Names and values of the header fields, trailers last, without HPACK where it was used."""
    compressed: tuple[bytes, ...] = ()
    """The messages that gzip was applied to, as they went over the wire."""


@dataclass(frozen=True, slots=True)
class MessageSizes:
    """One direction of one exchange, in bytes."""

    message_bytes: int | None
    compressed_bytes: int
    framed_bytes: int
    """Everything of this message on the wire: header, chunks, frames of its stream."""
    parts: PartSizes
    """What `framed_bytes` consists of, to the byte."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer."""

    request: MessageSizes
    response: MessageSizes
    coding: str
    """The coding that was applied to the answer."""
    complete: bool
    """Whether both were read to their ends."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """All of a connection. Exchanges, set-up and the rest sum to what was recorded in each direction, exactly."""

    exchanges: tuple[Exchange, ...]
    setup: Mapping[Direction, PartSizes]
    """The connection's own bytes ahead of the first exchange's, in the order of this direction."""
    rest: Mapping[Direction, PartSizes]
    """The connection's own bytes behind them, such as flow control, pings and what ends it; and what is unparsed."""

    @property
    def unparsed_bytes(self) -> int:
        """Bytes that no parser understood, both directions together."""
        return sum(
            parts.get(UNPARSED, 0)
            for parts in (
                *self.setup.values(),
                *self.rest.values(),
                *(exchange.request.parts for exchange in self.exchanges),
                *(exchange.response.parts for exchange in self.exchanges),
            )
        )


@dataclass(frozen=True, slots=True)
class Parsed:
    """What the parsers of one protocol made of a connection."""

    parts: Mapping[Direction, Sequence[Part]]
    contents: Mapping[int, tuple[Content, Content]]
    """Request and response by the owner of their parts, in the order of the requests."""


class Codec(ABC):
    """Reads the plain bytes of a connection of one transport. Without state."""

    floating_frame_bytes: tuple[int, ...] = ()
    """Sizes of the connection's own frames whose time of sending the protocol leaves open."""

    @abstractmethod
    def parse(self, sent: bytes, received: bytes) -> Parsed:
        """Cut both directions into parts. Raises nothing, whatever the bytes are."""

    def conversation(self, sent: bytes, received: bytes) -> Conversation:
        """What a connection's bytes are, `sent` being those of the consumer. Raises BytesUnaccounted."""
        parsed = self.parse(sent, received)
        by_owner: dict[Direction, dict[int, list[Part]]] = {}
        setup: dict[Direction, PartSizes] = {}
        rest: dict[Direction, PartSizes] = {}
        for direction, parts in parsed.parts.items():
            owned: dict[int, list[Part]] = {owner: [] for owner in parsed.contents}
            ahead: list[Part] = []
            behind: list[Part] = []
            apart = ahead
            for part in parts:
                if part.owner in owned:
                    owned[part.owner].append(part)
                    apart = behind
                else:
                    apart.append(part)
            by_owner[direction] = owned
            setup[direction], rest[direction] = bytes_by_name(ahead), bytes_by_name(behind)
        exchanges = tuple(
            Exchange(
                _sizes(request, by_owner[Direction.SENT][owner]),
                _sizes(response, by_owner[Direction.RECEIVED][owner]),
                response.coding,
                request.complete and response.complete,
            )
            for owner, (request, response) in parsed.contents.items()
        )
        for direction, recorded in ((Direction.SENT, sent), (Direction.RECEIVED, received)):
            sides = [e.request if direction is Direction.SENT else e.response for e in exchanges]
            named_bytes = sum(side.framed_bytes for side in sides)
            named_bytes += total_bytes(setup[direction]) + total_bytes(rest[direction])
            check_sum(direction.value, len(recorded), named_bytes)
        return Conversation(exchanges, setup, rest)


def _sizes(content: Content, parts: Sequence[Part]) -> MessageSizes:
    named = bytes_by_name(parts)
    return MessageSizes(content.message_bytes, content.compressed_bytes, total_bytes(named), named)
