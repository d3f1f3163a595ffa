"""The interface of all clients, and what the loops and a client say to each other."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from time import process_time_ns
from typing import Any, ClassVar, Literal, Protocol

from bench.load.record import SliceRecord
from bench.workloads import Question
from consumers.client import ClientSettings, RecipeClient

Request = Any
"""A question as a client has made it ready to be sent; of a type of the client's own."""

Ended = Callable[[int, int, Exception | None], None]
"""Told of a request's end: when it was sent, when the answer was whole (nanoseconds, as `perf_counter_ns`), and what
went wrong, None for the right answer. Called once for each request, never before the call that sent it has returned."""


class Turns(Protocol):
    """What a closed loop decides: whether there is a next request, for each that may be in flight."""

    def first(self) -> Request | None:
        """A first request; None when there is nothing more to send."""

    def next_after(self, sent_ns: int, done_ns: int, failure: Exception | None) -> Request | None:
        """Keep account of a request that has ended, and give the one that follows it, if any."""


class LoadClient(ABC):
    """Sends the questions of cells that share their connections. Opened once, closed at the end."""

    checks: ClassVar[Literal["answer", "status"]] = "answer"
    """What of every timed answer is looked at: `status` is not enough to know that it was right."""
    proves_all: ClassVar[bool] = True
    """Whether every request is proved before a cell is timed, or a few are enough."""

    def __init__(self, protocol: str, settings: ClientSettings) -> None:
        """`settings.connections` is the number of requests in flight; None: as many as fall due."""
        self.protocol = protocol
        self.settings = settings

    @classmethod
    def why_unusable(cls, *, open_loop: bool, new_connections: bool) -> str | None:
        """Why this client cannot be used on this machine, or not for what is asked of it; None when it can."""
        return "it keeps its connections; leave --connection new out, or use consumer" if new_connections else None

    @property
    @abstractmethod
    def consumer(self) -> RecipeClient:
        """A consumer over this client's own connections, for what is not timed."""

    @abstractmethod
    async def open(self) -> None:
        """Make ready. Raises ConsumerError."""

    @abstractmethod
    async def close(self) -> None:
        """Close every connection. May be called twice."""

    @abstractmethod
    def requests(self, questions: Sequence[Question[Any]]) -> Sequence[Request]:
        """The questions, made ready to be sent, in the same order. Raises ConsumerError and RecipeError."""

    @abstractmethod
    async def prove(self, request: Request) -> None:
        """Send one request, and compare the whole answer with the domain's value.

        Raises WrongAnswer, ConsumerError, RecipeError.
        """

    def recheck(self) -> None:
        """Compare, off the clock, a whole answer of the last slice where one was kept. Raises as `prove`."""
        return

    def cpu_ns(self) -> int:
        """CPU time that sending has taken so far, user and system."""
        return process_time_ns()


class LoopClient(LoadClient):
    """A client that the loops of this process drive."""

    @abstractmethod
    async def keep_asking(self, turns: Turns, in_flight: int) -> None:
        """Keep so many requests in flight, each followed by the next, until there are no turns left."""

    @abstractmethod
    def begin(self, request: Request, ended: Ended) -> None:
        """Send a request now, whatever is in flight. Returns before it has ended."""

    @abstractmethod
    async def abandon(self) -> None:
        """Give up whatever is in flight: nobody waits for it any longer."""


class ProgramClient(LoadClient):
    """A client that is a program of its own, with a loop of its own."""

    @abstractmethod
    async def run_slice(
        self,
        requests: Iterator[Request],
        *,
        in_flight: int,
        duration_ns: int,
        requests_at_least: int,
        record: SliceRecord,
    ) -> int:
        """Have the program measure one slice in a closed loop.

        Returns the time from the first request to the last answer, in nanoseconds. Nothing is raised for requests that
        fail: they are counted.
        """
