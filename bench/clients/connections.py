"""The raw client's requests, and what its HTTP/1.1 and HTTP/2 connections to one producer have in common.

Every request ends: with a response, with the loss of its connection, or by timeout. One timer serves all requests. It
is set for the oldest one, so that no request needs a timer of its own.
"""

import asyncio
import ssl
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable
from time import perf_counter_ns
from typing import Any, Generic, TypeVar

from bench.clients.base import Ended
from consumers import causes
from consumers.client import ClientSettings
from consumers.errors import (
    CLOSED_EARLY,
    ConsumerError,
    ProducerTimeout,
    ProducerUnreachable,
    UnexpectedResponse,
    no_response_within,
)

TIMER_STEP_S = 0.001

Content = TypeVar("Content")
"""A request in the form that the transport sends."""
RawAnswer = TypeVar("RawAnswer")
"""A response of which only the framing was decoded."""


async def _nothing_to_register() -> None:
    pass


class RawRequest(Generic[Content, RawAnswer]):
    """A prepared request. May be sent any number of times, also while it is in flight already."""

    __slots__ = ("content", "register", "verified", "verify")

    def __init__(
        self,
        content: Content,
        verify: Callable[["RawRequest[Content, RawAnswer]", RawAnswer], Exception | None],
        register: Callable[[], Awaitable[None]] = _nothing_to_register,
    ):
        self.content = content
        self.verified: set[Hashable] = set()
        """Fingerprints (status and length) of responses that were decoded and found correct."""
        self.verify = verify
        """Returns what is wrong with a response whose fingerprint is not in `verified`, None for nothing."""
        self.register = register
        """Has the producer learn what this request only names."""


class Connections(ABC, Generic[Content, RawAnswer]):
    """Opens connections when requests need them, and again when they are lost."""

    def __init__(self, settings: ClientSettings, tls: ssl.SSLContext | None) -> None:
        """`tls` None: no TLS."""
        self.settings = settings
        self.tls = tls
        self.opened = 0
        """Number of connections established so far."""
        self.closed = False
        self._loop = asyncio.get_running_loop()
        self._timeout_ns = round(settings.timeout_s * 1e9)
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def requests_at_most(self) -> int | None:
        """How many requests the producer allows at the same time. None: it announced no limit."""
        return None

    @abstractmethod
    def begin(self, request: RawRequest[Content, RawAnswer], ended: Ended) -> None:
        """Send a request. `ended` is never called before this has returned."""

    @abstractmethod
    def sample(self) -> tuple[RawRequest[Content, RawAnswer], RawAnswer] | None:
        """The last response that was accepted by its fingerprint alone, with its request. Returned once."""

    @abstractmethod
    def abort(self, failure: ConsumerError) -> None:
        """Drop every connection, and end every request with this failure."""

    @abstractmethod
    def oldest_sent_ns(self) -> int | None:
        """When the oldest request in flight was sent. None when there is none."""

    @abstractmethod
    def expire(self, sent_before_ns: int, failure: ConsumerError) -> None:
        """End every request that was sent before then."""

    async def exchange(self, content: Content) -> RawAnswer:
        """Send a request and return the response, whatever it is. Raises ConsumerError."""
        found: asyncio.Future[RawAnswer] = self._loop.create_future()
        answers: list[RawAnswer] = []

        def keep(_: RawRequest[Content, RawAnswer], answer: RawAnswer) -> None:
            answers.append(answer)

        def ended(_sent_ns: int, _done_ns: int, failure: Exception | None) -> None:
            if found.done():
                return
            if failure is not None:
                found.set_exception(failure)
            else:
                found.set_result(answers[0])

        self.begin(RawRequest(content, keep), ended)
        return await found

    async def close(self) -> None:
        """Close every connection. May be called twice."""
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.abort(self.unreachable("this client is closed"))
        # Transports notify their protocols and free their sockets in the next turns of the loop.
        for _ in range(3):
            await asyncio.sleep(0)

    def watch(self) -> None:
        """Start the timer. To be called when there is a request and `_timer` is None."""
        self._timer = self._loop.call_later(self.settings.timeout_s, self._look)

    def _look(self) -> None:
        now_ns = perf_counter_ns()
        self.expire(
            now_ns - self._timeout_ns,
            ProducerTimeout(no_response_within(self.settings.timeout_s), producer=self.authority),
        )
        oldest_ns = self.oldest_sent_ns()
        self._timer = None
        if oldest_ns is not None and not self.closed:
            left_s = (oldest_ns + self._timeout_ns - now_ns) / 1e9
            self._timer = self._loop.call_later(max(TIMER_STEP_S, left_s), self._look)

    def connect(self, protocol: asyncio.Protocol, failed: Callable[[ConsumerError], None]) -> asyncio.Task[None]:
        """Begin to open a connection. `failed` is called if that fails. Cancelling the task calls nothing."""
        task = self._loop.create_task(self._connect(protocol, failed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _connect(self, protocol: asyncio.Protocol, failed: Callable[[ConsumerError], None]) -> None:
        target = self.settings.connects_to
        name = self.settings.target.host
        options: dict[str, Any] = {} if self.tls is None else {"ssl": self.tls, "server_hostname": name}
        try:
            await self._loop.create_connection(lambda: protocol, target.host, target.port, **options)
        except UnicodeError:
            # No label of a host name may be empty or longer than 63 bytes (RFC 1035, section 2.3.4).
            failed(self.unreachable(f"{target.host!r} is not a host name"))
        except OSError as error:
            failed(self.unreachable(causes.of_connecting(error, tls=target.tls)))
        except EOFError:
            failed(self.unreachable(causes.HANDSHAKE_CUT_OFF))
        else:
            self.opened += 1

    @property
    def authority(self) -> str:
        """The producer as named in errors."""
        return self.settings.target.authority

    def unreachable(self, cause: str) -> ProducerUnreachable:
        """The error for a connection that could not be opened, or was lost."""
        return ProducerUnreachable(cause, producer=self.authority)

    def cut_off(self, error: Exception | None) -> ProducerUnreachable:
        """The error for a connection that has ended. `error`: why, an alert of TLS for example."""
        return self.unreachable(causes.of_tls(error) if isinstance(error, ssl.SSLError) else CLOSED_EARLY)

    def unexpected(self, cause: str) -> UnexpectedResponse:
        """The error for a response that breaks the rules of the transport."""
        return UnexpectedResponse(cause, producer=self.authority)
