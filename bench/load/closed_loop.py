"""The closed loop: a fixed number of requests in flight, each followed by the next."""

from collections.abc import Iterator
from time import perf_counter_ns

from bench.clients.base import LoopClient, Request
from bench.load import outcomes
from bench.load.full_window import FullWindow
from bench.load.record import SliceRecord


class ClosedTurns:
    """Hands out requests until `duration_ns` is over and `requests_at_least` were sent."""

    def __init__(
        self,
        requests: Iterator[Request],
        *,
        concurrency: int,
        duration_ns: int,
        requests_at_least: int,
        record: SliceRecord,
    ) -> None:
        self.started_ns = perf_counter_ns()
        self._requests = requests
        self._record = record
        self._latency_ns = record.latency_ns
        self._outcomes = record.outcomes
        self._deadline_ns = self.started_ns + duration_ns
        self._owed = requests_at_least
        self.window = FullWindow(concurrency)

    def first(self) -> Request | None:
        """A request for one more in flight."""
        now_ns = perf_counter_ns()
        self.window.began(now_ns)
        return self._next(now_ns)

    def next_after(self, sent_ns: int, done_ns: int, failure: Exception | None) -> Request | None:
        """Keep account of a request, and give the next while there is time. Who fails does not ask on without need."""
        self.window.ended(sent_ns, done_ns)
        if failure is None:
            self._outcomes[outcomes.OK] += 1
            self._latency_ns.append(done_ns - sent_ns)
            request = self._next(done_ns)
        else:
            self._record.fail(outcomes.kind_of(failure), str(failure))
            request = self._next(done_ns) if self._owed > 0 else None
        if request is None:
            self.window.close(done_ns)
        return request

    def _next(self, now_ns: int) -> Request | None:
        if self._owed <= 0 and now_ns >= self._deadline_ns:
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
) -> int:
    """Send until `duration_ns` is over and `requests_at_least` were sent; then let what is in flight finish.

    Returns the time from the first request to the last answer, in nanoseconds. Nothing is raised for a request that
    fails: it is counted.
    """
    turns = ClosedTurns(
        requests,
        concurrency=concurrency,
        duration_ns=duration_ns,
        requests_at_least=requests_at_least,
        record=record,
    )
    await client.keep_asking(turns, concurrency)
    record.window_ns, record.in_flight_ns = turns.window.window_ns, turns.window.in_flight_ns
    return perf_counter_ns() - turns.started_ns
