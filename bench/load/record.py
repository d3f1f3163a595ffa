"""What a slice collects while it runs: one stamp triple per request, counted and emptied when the slice is over."""

from dataclasses import dataclass, field

from bench.load import outcomes


@dataclass(slots=True)
class SliceRecord:
    """Latencies of one slice's `ok` answers, and every request's outcome.

    `latency_ns` runs from the moment a request was due (closed loop: sent); `service_ns` and `lag_ns` are kept in open
    loop only. A slice is short, so the lists are; the cell's histogram outlives them.
    """

    latency_ns: list[int] = field(default_factory=list)
    service_ns: list[int] = field(default_factory=list)
    lag_ns: list[int] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=lambda: {outcomes.OK: 0})
    first_failure: str = ""

    def fail(self, kind: str, text: str) -> None:
        """Count a request that did not end in the right answer."""
        self.outcomes[kind] = self.outcomes.get(kind, 0) + 1
        if not self.first_failure:
            self.first_failure = text
