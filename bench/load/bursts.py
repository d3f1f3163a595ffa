"""Requests that are sent at the same time, again and again, with pauses of different lengths between. Pure.

In the pauses connections are idle. So how long they are idle is known for every burst, whichever connection a request
gets.
"""

from collections.abc import Iterator
from random import Random

from msgspec import Struct


class Bursts(Struct, frozen=True, kw_only=True):
    """How many requests at a time, and how far bursts are apart."""

    size: int
    shortest_ns: int
    """From one burst to the next."""
    longest_ns: int

    def due_offsets_ns(self, duration_ns: int, seed: str) -> Iterator[int]:
        """When requests fall due, from the start, in nanoseconds; all below `duration_ns`. The first burst is at 0.

        Distances are drawn from the seed, each length between the bounds as likely as another.
        """
        random, due_ns = Random(seed), 0
        while due_ns < duration_ns:
            for _ in range(self.size):
                yield due_ns
            due_ns += random.randint(self.shortest_ns, self.longest_ns)
