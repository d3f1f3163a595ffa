"""The closed loop: a fixed number of requests in flight, each followed by the next."""

import sys
from collections.abc import Iterator
from time import perf_counter_ns

from bench.clients.base import LoopClient, Request
from bench.load.recorder import OK, SliceRecord


class FullWindow:
    """The part of a closed loop in which as many requests were in progress as asked for, and how many really were.

    A request is in progress from the moment the client was given it, also while it waits in the client's own queue.
    Little's law: requests in progress = rate × mean latency. The window starts when the last of them was first given,
    and ends when the first is not followed by another. Both sides are then known exactly from the requests'
    timestamps, clipped to the window. A load that holds requests back between two timestamps shows fewer than it was
    asked for.

    From a response until the loop hands the client the next request, nothing of that caller is in flight. This
    turnaround is the load process's own work of a few microseconds. With one request in flight and a fast producer it
    is several percent of the time, so it is counted apart.
    """

    def __init__(self, concurrency: int) -> None:
        self.in_flight_ns = 0
        """Time in flight within the window, summed over requests; complete when all have ended."""
        self.turnaround_ns = 0
        """Time from a response until the next request was handed to the client, summed likewise."""
        self._missing = concurrency
        self._filled_ns: int | None = None
        self._closed_ns: int | None = None

    @property
    def window_ns(self) -> int:
        """Its length; 0 when it never opened or has not closed."""
        if self._filled_ns is None or self._closed_ns is None:
            return 0
        return max(0, self._closed_ns - self._filled_ns)

    def began(self, sent_ns: int) -> None:
        """One more request is in flight for the first time."""
        self._missing -= 1
        if not self._missing and self._closed_ns is None:
            self._filled_ns = sent_ns

    def ended(self, sent_ns: int, done_ns: int) -> None:
        """A request ended, successful or not, maybe after the window was closed."""
        if self._filled_ns is None:
            return
        until_ns = done_ns if self._closed_ns is None else min(done_ns, self._closed_ns)
        self.in_flight_ns += max(0, until_ns - max(sent_ns, self._filled_ns))

    def followed(self, done_ns: int, now_ns: int) -> None:
        """A request that ended at `done_ns` is followed by another, which the client gets now."""
        if self._filled_ns is not None and self._closed_ns is None:
            self.turnaround_ns += now_ns - max(done_ns, self._filled_ns)

    def close(self, now_ns: int) -> None:
        """A request is not followed by another: fewer are in flight from now on. Only the first call counts."""
        if self._closed_ns is None:
            self._closed_ns = now_ns


class ClosedTurns:
    """Hands out requests until `duration_ns` is over and `requests_at_least` were sent, or `within_ns` is over."""

    def __init__(
        self,
        requests: Iterator[Request],
        *,
        concurrency: int,
        duration_ns: int,
        requests_at_least: int,
        record: SliceRecord,
        within_ns: int | None = None,
    ) -> None:
        self.started_ns = perf_counter_ns()
        self._requests = requests
        self._record = record
        self._latency_ns = record.latency_ns
        self._outcomes = record.outcomes
        self._deadline_ns = self.started_ns + duration_ns
        self._latest_ns = sys.maxsize if within_ns is None else self.started_ns + max(duration_ns, within_ns)
        self._owed = requests_at_least
        self._queue = record.queue
        self.window = FullWindow(concurrency)

    def first(self) -> Request | None:
        """The request of one more caller, who sends one in any case."""
        now_ns = perf_counter_ns()
        self.window.began(now_ns)
        if self._queue is not None:
            self._queue.change(now_ns, 1)
        self._owed -= 1
        return next(self._requests)

    def next_after(self, sent_ns: int, done_ns: int, failure: Exception | None) -> Request | None:
        """Record a request and return the next, while there is time.

        After a failure there is a next one only as long as requests are owed. Otherwise a producer that fails at once
        would be flooded.
        """
        self.window.ended(sent_ns, done_ns)
        if failure is None:
            self._outcomes[OK] += 1
            self._latency_ns.append(done_ns - sent_ns)
            request = self._next(done_ns)
        else:
            self._record.fail_with(failure)
            request = self._next(done_ns) if self._owed > 0 else None
        if request is None:
            self.window.close(done_ns)
            if self._queue is not None:
                self._queue.change(done_ns, -1)
        else:
            self.window.followed(done_ns, perf_counter_ns())
        return request

    def _next(self, now_ns: int) -> Request | None:
        if now_ns >= self._deadline_ns and (self._owed <= 0 or now_ns >= self._latest_ns):
            return None
        self._owed -= 1
        return next(self._requests)


async def run_closed(
    client: LoopClient,
    requests: Iterator[Request],
    *,
    concurrency: int,
    duration_ns: int,
    requests_at_least: int,
    record: SliceRecord,
    within_ns: int | None = None,
) -> int:
    """Send until `duration_ns` is over and `requests_at_least` were sent, or `within_ns` is over; then wait for the
    requests in flight.

    Returns the time from the first request to the last response, in nanoseconds. A request that fails is counted and
    raises nothing.
    """
    turns = ClosedTurns(
        requests,
        concurrency=concurrency,
        duration_ns=duration_ns,
        requests_at_least=requests_at_least,
        record=record,
        within_ns=within_ns,
    )
    await client.keep_asking(turns, concurrency)
    window = turns.window
    record.window_ns, record.in_flight_ns, record.turnaround_ns = (
        window.window_ns,
        window.in_flight_ns,
        window.turnaround_ns,
    )
    return perf_counter_ns() - turns.started_ns
