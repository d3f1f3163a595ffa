"""What the tap saw of one connection: chunks of bytes in order, each with its direction and the interval it fell into.

The tap counts intervals: `Tap.mark()` begins the next one. With one request in flight and a mark after each answer,
interval `i` holds the `i`-th request and its answer, and the last one holds what came after all of them.
"""

from dataclasses import dataclass, field
from enum import Enum


class Direction(Enum):
    """Which way bytes go, seen from the consumer."""

    SENT = "sent"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that were read off a socket at once."""

    direction: Direction
    interval: int
    data: bytes


@dataclass(slots=True)
class Recording:
    """One connection, both ways, TCP payload only."""

    chunks: list[Chunk] = field(default_factory=list)
    from_start: bool = True
    """False where an earlier part of this connection was taken out before."""
    truncated: bool = False
    """Whether bytes went by unrecorded, because the tap had recorded as much as it may."""

    def content(self, direction: Direction) -> bytes:
        """All bytes of one direction."""
        return b"".join(chunk.data for chunk in self.chunks if chunk.direction is direction)

    def interval_at(self, direction: Direction) -> "IntervalAt":
        """A function from the offset of a byte of `direction` to the interval in which it was read."""
        return IntervalAt([(len(chunk.data), chunk.interval) for chunk in self.chunks if chunk.direction is direction])


class IntervalAt:
    """Finds the interval of a byte by its offset. Offsets must be asked for in ascending order."""

    def __init__(self, sizes_and_intervals: list[tuple[int, int]]) -> None:
        self._spans = sizes_and_intervals
        self._index = 0
        self._start = 0

    def __call__(self, offset: int) -> int:
        """The interval of the byte at `offset`, counted from 0. Raises IndexError beyond the last byte."""
        while offset >= self._start + self._spans[self._index][0]:
            self._start += self._spans[self._index][0]
            self._index += 1
        return self._spans[self._index][1]
