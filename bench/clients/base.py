"""The interface of all clients, and how the load loops and a client call each other."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import process_time_ns
from typing import Any, ClassVar, Literal, Protocol

from bench.workloads import Question
from consumers.client import ClientSettings, RecipeClient

Request = Any
"""A question that a client has prepared for sending, of a type of the client's own."""

Ended = Callable[[int, int, Exception | None], None]
"""Called when a request ends: with the time it was sent, the time its response was complete (both in nanoseconds on
`perf_counter_ns`), and the reason it failed, None for success. Called exactly once for each request, and never before
the call that sent it has returned."""


class Turns(Protocol):
    """What a closed loop decides: which request follows, for each one in flight."""

    def first(self) -> Request | None:
        """A first request. None when there is nothing more to send."""

    def next_after(self, sent_ns: int, done_ns: int, failure: Exception | None) -> Request | None:
        """Record a request that has ended, and return the one that follows it, if any."""


class LoadClient(ABC):
    """Sends the questions of cells that share their connections. Opened once, closed at the end."""

    checks: ClassVar[Literal["answer", "status"]] = "answer"
    """What is checked of every timed response. `status`: only the HTTP status, so the content may be wrong."""

    def __init__(self, protocol: str, settings: ClientSettings) -> None:
        """`settings.connections` is the number of requests in flight. None: open loop, as many as fall due."""
        self.protocol = protocol
        self.settings = settings

    @classmethod
    def why_unusable(cls, *, open_loop: bool, new_connections: bool) -> str | None:
        """Why this client cannot be used on this machine or for this kind of load, and what to do instead.

        None when it can be used.
        """
        if new_connections:
            return "it keeps its connections open; leave --connection new out, or use --client library"
        return None

    @property
    @abstractmethod
    def consumer(self) -> RecipeClient:
        """A consumer over this client's own connections, for calls that are not timed."""

    @abstractmethod
    async def open(self) -> None:
        """Prepare. Raises ConsumerError."""

    @abstractmethod
    async def close(self) -> None:
        """Close every connection. May be called twice."""

    @abstractmethod
    def requests(self, questions: Sequence[Question[Any]]) -> Sequence[Request]:
        """Prepare the questions for sending, in the same order. Raises ConsumerError and RecipeError."""

    def share_verified(self, requests: Sequence[Request], earlier: Sequence[Request]) -> None:
        """Let `requests` count as verified as `earlier` ones, which ask the same over other connections."""
        return

    def unverified(self, requests: Sequence[Request]) -> Sequence[Request]:
        """The requests that still have to be verified before a cell is timed, besides a few of every cell."""
        return requests

    @abstractmethod
    async def verify(self, request: Request) -> None:
        """Send one request, and compare the complete response with the value expected by the domain.

        Raises WrongAnswer, ConsumerError, RecipeError.
        """

    def recheck(self) -> None:
        """Compare a complete response of the last slice, if one was kept. Not timed. Raises as `verify` does."""
        return

    def cpu_ns(self) -> int:
        """CPU time used for sending so far, user and system."""
        return process_time_ns()


class LoopClient(LoadClient):
    """A client that the loops of this process drive."""

    @abstractmethod
    async def keep_asking(self, turns: Turns, in_flight: int) -> None:
        """Keep `in_flight` requests in flight, each followed by the next, until no turns are left."""

    @abstractmethod
    def begin(self, request: Request, ended: Ended) -> None:
        """Send a request now, whatever is in flight. Returns before the request has ended."""

    @abstractmethod
    async def abandon(self) -> None:
        """Cancel all requests in flight."""


@dataclass(frozen=True, slots=True)
class ProgramSlice:
    """What a program measured in one slice."""

    duration_ns: int
    """From the start of the first request to the end of the last."""
    latency_ns: Sequence[int]
    """Of each successful request."""
    failures: Sequence[Exception]
    """One for each failed request, and one if the program itself failed."""


class ProgramFailed(Exception):
    """The program itself failed or measured nothing. The text says why."""


class ProgramClient(LoadClient):
    """A client that runs as a program of its own, with its own loop."""

    @abstractmethod
    async def run_slice(self, requests: Iterator[Request], *, in_flight: int, duration_ns: int) -> ProgramSlice:
        """Have the program measure one slice in a closed loop. Raises nothing for requests that fail."""
