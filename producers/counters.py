"""What one process counts of its calls and connections, in plain integers. `producers.metrics` shows the counts."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

OK = "ok"
"""The outcome of a call without an error, in every protocol."""
DISCONNECTED = "disconnected"
"""The outcome of a call whose caller ended it, or its connection, before the response."""
UNKNOWN = "unknown"
"""The method of a call to what does not exist."""


class Ended(NamedTuple):
    """How calls ended: what they asked for, and what two observers see of them."""

    method: str
    """`GET /recipes/{id}`, `POST /graphql`, `/recipe.RecipeService/GetRecipe`; never what a caller may choose."""
    status: int
    """The HTTP status of the response, which is what a proxy counts. 0: no response was sent."""
    outcome: str
    """`ok`, or the code of the error in the words of the protocol: that of a problem, of the first GraphQL error, the
    name of a gRPC status."""


@dataclass(slots=True)
class Counters:
    """The counts of one process since it started. A producer without a metrics port has none, and counts nothing."""

    calls: dict[Ended, int] = field(default_factory=dict)
    health_checks: dict[str, int] = field(default_factory=dict)
    """Answers to health checks, which are no calls: `ready`, `not_ready`."""
    in_flight: int = 0
    """Calls that have begun and not ended."""
    connections_open: Callable[[], int] = lambda: 0
    connections_accepted: Callable[[], int] = lambda: 0
    ready: bool = True
    """Whether health checks report that new callers are welcome."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    """Some producers answer in several threads, in which an addition may be interrupted."""

    def begin(self) -> None:
        """Count a call as in flight."""
        with self._lock:
            self.in_flight += 1

    def end(self, ended: Ended) -> None:
        """Count a call that had begun as ended."""
        with self._lock:
            self.in_flight -= 1
            self.calls[ended] = self.calls.get(ended, 0) + 1

    def refused(self, ended: Ended) -> None:
        """Count a call that was refused before it began."""
        with self._lock:
            self.calls[ended] = self.calls.get(ended, 0) + 1

    def health_checked(self) -> None:
        """Count an answer to a health check."""
        state = "ready" if self.ready else "not_ready"
        with self._lock:
            self.health_checks[state] = self.health_checks.get(state, 0) + 1
