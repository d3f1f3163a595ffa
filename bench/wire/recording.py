"""What the tap recorded of one connection: chunks of bytes in order, each with its direction and its interval. Pure.

The tap counts intervals: `Tap.mark()` begins the next one. With one request in flight and a mark after each response,
interval `i` holds request `i` and its response, and the last interval holds what followed after all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum


class Direction(Enum):
    """Which way bytes go, seen from the consumer."""

    SENT = "sent"
    RECEIVED = "received"


class Unreadable(Exception):
    """A recording cannot be interpreted. The text says why."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that were read from a socket at once."""

    direction: Direction
    interval: int
    data: bytes


@dataclass(slots=True)
class Recording:
    """One connection in both directions, TCP payload only."""

    chunks: list[Chunk] = field(default_factory=list)
    from_start: bool = True
    """False where an earlier recording has the beginning of the connection."""
    truncated: bool = False
    """Whether bytes are missing, because the tap had reached its limit."""

    def content(self, direction: Direction) -> bytes:
        """All bytes of one direction."""
        return b"".join(chunk.data for chunk in self.chunks if chunk.direction is direction)

    def interval_at(self, direction: Direction) -> "IntervalAt":
        """A function from the offset of a byte of `direction` to the interval in which it was read."""
        return IntervalAt([(len(chunk.data), chunk.interval) for chunk in self.chunks if chunk.direction is direction])


class IntervalAt:
    """Finds the interval of a byte by its offset. Offsets must be given in ascending order."""

    def __init__(self, sizes_and_intervals: list[tuple[int, int]]) -> None:
        self._spans = sizes_and_intervals
        self._index = 0
        self._start = 0

    def __call__(self, offset: int) -> int:
        """The interval of the byte at `offset`, counted from 0. Raises IndexError after the last byte."""
        while offset >= self._start + self._spans[self._index][0]:
            self._start += self._spans[self._index][0]
            self._index += 1
        return self._spans[self._index][1]


def only_connection(recordings: Sequence[Recording]) -> Recording:
    """The one connection that carried all requests. Raises Unreadable when there is none, or more than one."""
    used = [recording for recording in recordings if recording.chunks]
    if len(used) != 1:
        raise Unreadable(f"the requests used {len(used)} connections instead of one")
    if used[0].truncated or not used[0].from_start:
        raise Unreadable("the recording of the connection is incomplete, because it exceeds the tap's limit")
    return used[0]
