"""The raw client: prepared bytes out, a minimal parser for what comes back, nothing else in the way.

Every answer is checked by status and length: those of an answer that was decoded whole and compared with the domain's
own value. An answer that looks otherwise is decoded and compared as well, after its time was taken.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from bench import protocols
from bench.clients.base import Ended, LoopClient, Turns
from bench.clients.connections import Connections
from bench.clients.raw_calls import RawCalls
from bench.clients.raw_request import RawRequest
from bench.workloads import Question
from consumers.client import ClientSettings, RecipeClient
from consumers.errors import ConsumerError, NotKnownYet, OperationUnsupported

AnyRequest = RawRequest[Any, Any]


class RawClient(LoopClient):
    """Drives any protocol in bench.clients.registry.RAW_CALLS."""

    _connections: Connections[Any, Any] | None = None
    _client: RecipeClient

    def __init__(self, protocol: str, settings: ClientSettings, calls: RawCalls[Any, Any] | None = None) -> None:
        """`calls` None: those of the protocol."""
        super().__init__(protocol, settings)
        self.calls = calls or protocols.protocol(protocol).raw_calls(settings)

    @property
    def consumer(self) -> RecipeClient:
        """The protocol's consumer over this client's connections."""
        return self._client

    @property
    def connections_opened(self) -> int:
        """Connections that were established so far."""
        return self._connections.opened if self._connections else 0

    async def open(self) -> None:
        """Make ready. Raises ProducerUnreachable when certificates cannot be read."""
        self._connections = self.calls.connections()
        self.begin = self._connections.begin  # type: ignore[method-assign]  # one call less for each request
        self._client = self.calls.client(self._connections.exchange)
        await self._client.open()

    async def close(self) -> None:
        """Close every connection."""
        if self._connections is not None:
            await self._connections.close()

    def requests(self, questions: Sequence[Question[Any]]) -> Sequence[AnyRequest]:
        """The bytes that the consumer would send for each question. Raises OperationUnsupported for several at once."""
        if not all(question.single for question in questions):
            raise OperationUnsupported("the raw client sends one request for a question, and this takes several")
        return [self._request(question) for question in questions]

    def _request(self, question: Question[Any]) -> AnyRequest:
        contents: list[Any] = []

        async def take(content: Any) -> Any:
            contents.append(content)
            raise _Taken

        with suppress(_Taken):
            at_once(question, self.calls.client(take))

        def judge(request: AnyRequest, answer: Any) -> Exception | None:
            try:
                self._compare(question, answer)
            except Exception as error:  # whatever a consumer raises is this request's outcome
                return error
            request.proved.add(self.calls.fingerprint(answer))
            return None

        async def introduce() -> None:
            await question.send(self._client)

        return RawRequest(contents[0], judge, introduce)

    async def prove(self, request: AnyRequest) -> None:
        """Send once, decode, compare, and remember what the right answer looks like.

        A request that only names what the producer has to be told first is introduced by the consumer, over the same
        connections, and sent again.
        """
        assert self._connections is not None
        failure = request.judge(request, await self._connections.exchange(request.content))
        if isinstance(failure, NotKnownYet):
            await request.introduce()
            failure = request.judge(request, await self._connections.exchange(request.content))
        if failure is not None:
            raise failure

    def recheck(self) -> None:
        """Decode and compare the last answer that was timed."""
        sample = self._connections.sample() if self._connections else None
        if sample is not None:
            request, answer = sample
            failure = request.judge(request, answer)
            if failure is not None:
                raise failure

    def begin(self, request: AnyRequest, ended: Ended) -> None:
        """Send now."""
        raise ConsumerError("this client is not open")

    async def abandon(self) -> None:
        """Close the connections that it is in flight on; others take their place."""
        if self._connections is not None:
            self._connections.abort(self._connections.unreachable("nobody waits for the answer any longer"))

    async def keep_asking(self, turns: Turns, in_flight: int) -> None:
        """Each end of a request begins the next, without a task in between."""
        lanes_ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        left = in_flight
        begin, next_after = self.begin, turns.next_after

        def ended(sent_ns: int, done_ns: int, failure: Exception | None) -> None:
            request = next_after(sent_ns, done_ns, failure)
            if request is None:
                lane_ended()
            else:
                begin(request, ended)

        def lane_ended() -> None:
            nonlocal left
            left -= 1
            if not left:
                lanes_ended.set_result(None)

        for _ in range(in_flight):
            request = turns.first()
            if request is None:
                lane_ended()
            else:
                begin(request, ended)
        await lanes_ended

    def _compare(self, question: Question[Any], answer: Any) -> None:
        """Decode the answer as the consumer does, and compare it. Raises what the consumer raises, and WrongAnswer."""

        async def give(_: Any) -> Any:
            return answer

        question.prove(at_once(question, self.calls.client(give)))


class _Taken(Exception):
    """What would have been sent was taken instead."""


def at_once(question: Question[Any], client: RecipeClient) -> Any:
    """The question's answer from a consumer that never waits for anything."""

    async def conversation() -> Any:
        await client.open()
        return await question.send(client)

    steps = conversation()
    try:
        steps.send(None)
    except StopIteration as stop:
        return stop.value
    steps.close()
    raise RuntimeError(f"{type(client).__name__} waits for something else than an answer")
