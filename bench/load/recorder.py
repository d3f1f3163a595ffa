"""What is recorded of the requests of a slice: how each one ended, and how long the successful ones took."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bench.load.causes import UNCUT_AT_MOST, Causes, bounded, words_of
from bench.load.client_queue import ClientQueue
from bench.results import Cause
from bench.workloads import WrongAnswer
from consumers.errors import OperationUnsupported, ProducerTimeout, ProducerUnreachable, UnexpectedResponse
from recipes.errors import RecipeError

OK = "ok"
WRONG_ANSWER = "wrong_answer"
UNSENT = "unsent"
"""Open loop: due, but not sent because too many requests were in flight."""
UNANSWERED = "unanswered"
"""Open loop: sent, but without a response when the loop stopped waiting."""
PROCESS_LOST = "process_lost"
"""The load process ended, or no longer answered, in the middle of a slice."""

_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (WrongAnswer, WRONG_ANSWER),
    (ProducerTimeout, "timeout"),
    (ProducerUnreachable, "unreachable"),
    (OperationUnsupported, "unsupported"),
    (UnexpectedResponse, "unexpected_answer"),
    (RecipeError, "error_answer"),
)

SILENCE = frozenset({"timeout", "unreachable", UNANSWERED, UNSENT, PROCESS_LOST})
"""Outcomes of requests that got no response of any kind."""


def kind_of(error: Exception) -> str:
    """The kind under which a failed request is counted."""
    return next((kind for kinds, kind in _KINDS if isinstance(error, kinds)), "client_error")


def cause_of(error: Exception) -> Cause:
    """The cause of one request that failed."""
    text, detail = words_of(error)
    uncut, more = bounded(text, UNCUT_AT_MOST), bounded(detail, UNCUT_AT_MOST)
    return Cause(kind=kind_of(error), text=uncut, count=1, detail=more)


def failures(outcomes: dict[str, int]) -> int:
    """How many requests were not successful."""
    return sum(count for kind, count in outcomes.items() if kind != OK)


def most_frequent_failure(outcomes: dict[str, int]) -> str | None:
    """The kind in which most requests failed; None where all were successful."""
    failed = {kind: count for kind, count in outcomes.items() if kind != OK and count}
    return max(failed, key=lambda kind: failed[kind]) if failed else None


def sum_outcomes(all_outcomes: Iterable[dict[str, int]]) -> dict[str, int]:
    """Outcomes summed by kind; `ok` is always among them."""
    total = {OK: 0}
    for outcomes in all_outcomes:
        for kind, count in outcomes.items():
            total[kind] = total.get(kind, 0) + count
    return total


@dataclass(slots=True)
class SliceRecord:
    """Latencies of one slice's successful requests, the outcome of every request, and what the loop counted.

    `latency_ns` runs from the time at which a request was due (closed loop: sent). `service_ns` and `lag_ns` are for
    the open loop only: from sending to the response, and from the due time to sending, the latter for every request.
    """

    latency_ns: list[int] = field(default_factory=list)
    service_ns: list[int] = field(default_factory=list)
    lag_ns: list[int] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=lambda: {OK: 0})
    causes: Causes = field(default_factory=lambda: Causes(UNCUT_AT_MOST))
    window_ns: int = 0
    """Open loop: in which requests fell due. Closed loop: from when all were in flight until the first was not followed
    by another, without filling and draining."""
    in_flight_ns: int = 0
    """Closed loop: time in flight within the window, summed over requests. Over `window_ns`: requests in flight."""
    turnaround_ns: int = 0
    """Closed loop: time within the window from a response until the next request was handed to the client, summed."""
    queue: ClientQueue | None = None
    """The client's own queue; None where it can have all requests in flight."""
    due: int = 0
    """Open loop: requests that fell due."""
    second_half_due: int = 0
    """Of these, in the second half of the window."""
    second_half_ended: int = 0
    """Open loop: requests that ended in the second half of the window, whenever they were due. They are as many as fell
    due in it when the rate was reached; the first half is for reaching the steady state."""

    def fail(self, kind: str, text: str, detail: str = "") -> None:
        """Count a request that was not successful, and why."""
        self.outcomes[kind] = self.outcomes.get(kind, 0) + 1
        self.causes.add(Cause(kind=kind, text=text, count=1, detail=detail))

    def fail_with(self, error: Exception) -> None:
        """Count a request that failed with this error."""
        self.fail(kind_of(error), *words_of(error))

    def succeed(self, latency_ns: Sequence[int]) -> None:
        """Count successful requests that were timed elsewhere."""
        self.latency_ns += latency_ns
        self.outcomes[OK] += len(latency_ns)
