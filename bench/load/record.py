"""What a slice collects while it runs: one stamp triple per request, counted and emptied when the slice is over."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.load import outcomes


@dataclass(slots=True)
class SliceRecord:
    """Latencies of one slice's `ok` answers, every request's outcome, and what the loop saw of itself.

    `latency_ns` runs from the moment a request was due (closed loop: sent); `service_ns` and `lag_ns` are kept in open
    loop only, `lag_ns` for every request that was sent. A slice is short, so the lists are; the cell's histogram
    outlives them.
    """

    latency_ns: list[int] = field(default_factory=list)
    service_ns: list[int] = field(default_factory=list)
    lag_ns: list[int] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=lambda: {outcomes.OK: 0})
    first_failure: str = ""
    window_ns: int = 0
    """Open loop: in which requests fell due. Closed loop: from when all were in flight until the first stopped sending,
    so that neither filling nor draining is in it."""
    in_flight_ns: int = 0
    """Closed loop: time in flight within the window, summed over requests. Over `window_ns`: requests in flight."""
    due: int = 0
    """Open loop: requests that fell due."""
    second_half_due: int = 0
    """Of these, in the second half of the window."""
    second_half_ended: int = 0
    """Open loop: requests that ended, in whatever way, in the second half of the window, whenever they were due.
    As many as fell due in it when the rate was reached; the first half fills the pipe."""

    def succeed(self, latency_ns: Sequence[int]) -> None:
        """Count successful requests that were timed elsewhere."""
        self.latency_ns += latency_ns
        self.outcomes[outcomes.OK] += len(latency_ns)

    def fail(self, kind: str, text: str) -> None:
        """Count a request that did not end in the right answer."""
        self.outcomes[kind] = self.outcomes.get(kind, 0) + 1
        if not self.first_failure:
            self.first_failure = text
