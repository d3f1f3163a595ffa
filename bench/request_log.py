"""A log of every request of an open loop: when it was due, when it ended, and how. Pure.

Where a figure depends on when something happened, such as a restart, medians and histograms do not suffice.
"""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

from bench.results import Cause

SUCCESSFUL = -1
"""Stands for a cause where there was none."""


class LoggedRequest(NamedTuple):
    """One request. Times are in nanoseconds from the beginning of the log."""

    due_ns: int
    sent_ns: int
    ended_ns: int
    cause: Cause | None
    """Why it failed; None where it was successful."""

    @property
    def latency_ns(self) -> int:
        """From the time at which it was due."""
        return self.ended_ns - self.due_ns


class RequestLog(Struct, frozen=True, kw_only=True):
    """The log of one load process. It is kept in columns, one entry for each request, in the order they were due."""

    began_ns: int
    """On the machine's monotonic clock, which all of its processes share. Other times count from here."""
    window_ns: int
    """How long requests fell due."""
    due_ns: list[int]
    sent_ns: list[int]
    ended_ns: list[int]
    causes: list[int]
    """Why each failed, as a place in `different_causes`; SUCCESSFUL where it did not."""
    different_causes: list[Cause]
    """Bounded in number, as everywhere."""
    loop_stall_ns: int
    """The longest time for which the event loop of the load process stood still."""

    def requests(self) -> Iterator[LoggedRequest]:
        """All of them, in the order they were due."""
        for due_ns, sent_ns, ended_ns, cause in zip(self.due_ns, self.sent_ns, self.ended_ns, self.causes, strict=True):
            yield LoggedRequest(
                due_ns, sent_ns, ended_ns, None if cause == SUCCESSFUL else self.different_causes[cause]
            )

    def __len__(self) -> int:
        return len(self.due_ns)
