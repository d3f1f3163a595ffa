"""The raw client: sends prepared bytes and parses responses minimally, without a client library.

Every response is checked by its fingerprint: status and length. A fingerprint counts as verified once a response with
it was decoded and compared with the value expected by the domain. A response with any other fingerprint is decoded and
compared after its latency was taken.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from bench import protocols
from bench.clients.base import Ended, LoopClient, Turns
from bench.clients.connections import Connections, RawRequest
from bench.clients.raw_calls import RawCalls
from bench.workloads import Question
from consumers.client import ClientSettings, RecipeClient
from consumers.errors import ConsumerError, NotKnownYet, OperationUnsupported

AnyRequest = RawRequest[Any, Any]


class RawClient(LoopClient):
    """Drives every protocol that has RawCalls."""

    _connections: Connections[Any, Any] | None = None
    _client: RecipeClient

    def __init__(self, protocol: str, settings: ClientSettings, calls: RawCalls[Any, Any] | None = None) -> None:
        """`calls` defaults to those of the protocol."""
        super().__init__(protocol, settings)
        self.calls = calls or protocols.protocol(protocol).raw_calls(settings)

    @property
    def consumer(self) -> RecipeClient:
        """The protocol's consumer over this client's connections."""
        return self._client

    @property
    def connections_opened(self) -> int:
        """Number of connections established so far."""
        return self._connections.opened if self._connections else 0

    @property
    def requests_at_most(self) -> int | None:
        """How many requests the producer allows at the same time, as far as it has announced a limit."""
        return self._connections.requests_at_most if self._connections else None

    async def open(self) -> None:
        """Prepare. Raises ProducerUnreachable when certificates cannot be read."""
        self._connections = self.calls.connections()
        self.begin = self._connections.begin  # type: ignore[method-assign]  # one call less for each request
        self._client = self.calls.client(self._connections.exchange)
        await self._client.open()

    async def close(self) -> None:
        """Close every connection."""
        if self._connections is not None:
            await self._connections.close()

    def requests(self, questions: Sequence[Question[Any]]) -> Sequence[AnyRequest]:
        """The bytes that the consumer would send for each question.

        Raises OperationUnsupported for questions that take several requests.
        """
        if not all(question.single for question in questions):
            raise OperationUnsupported("the raw client sends one request per question, and this workload needs several")
        return [self._request(question) for question in questions]

    def _request(self, question: Question[Any]) -> AnyRequest:
        contents: list[Any] = []

        async def take(content: Any) -> Any:
            contents.append(content)
            raise _Taken

        with suppress(_Taken):
            at_once(question, self.calls.client(take))

        def verify(request: AnyRequest, answer: Any) -> Exception | None:
            try:
                self._compare(question, answer)
            except Exception as error:  # whatever a consumer raises is this request's outcome
                return error
            request.verified.add(self.calls.fingerprint(answer))
            return None

        async def register() -> None:
            await question.send(self._client)

        return RawRequest(contents[0], verify, register)

    def share_verified(self, requests: Sequence[AnyRequest], earlier: Sequence[AnyRequest]) -> None:
        """Share the fingerprints: with TLS or without, a producer answers alike."""
        for request, one in zip(requests, earlier, strict=True):
            request.verified = one.verified

    def unverified(self, requests: Sequence[AnyRequest]) -> Sequence[AnyRequest]:
        """Those of which no fingerprint is known."""
        return [request for request in requests if not request.verified]

    async def verify(self, request: AnyRequest) -> None:
        """Send once, decode, compare, and remember the fingerprint of the correct response.

        A persisted query is sent by its name only. Where the producer does not know the name yet, the consumer
        registers the query over the same connections, and the request is sent again.
        """
        assert self._connections is not None
        failure = request.verify(request, await self._connections.exchange(request.content))
        if isinstance(failure, NotKnownYet):
            await request.register()
            failure = request.verify(request, await self._connections.exchange(request.content))
        if failure is not None:
            raise failure

    def recheck(self) -> None:
        """Decode and compare the last response that was timed."""
        sample = self._connections.sample() if self._connections else None
        if sample is not None:
            request, answer = sample
            failure = request.verify(request, answer)
            if failure is not None:
                raise failure

    def begin(self, request: AnyRequest, ended: Ended) -> None:
        """Send now. Replaced by the connections' own method once they are there."""
        raise ConsumerError("this client is not open")

    async def abandon(self) -> None:
        """Close the connections with requests in flight. New ones are opened for later requests."""
        if self._connections is not None:
            self._connections.abort(self._connections.unreachable("the request was abandoned"))

    async def keep_asking(self, turns: Turns, in_flight: int) -> None:
        """The end of each request begins the next one, without a task in between."""
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
        """Decode the response as the consumer does, and compare it. Raises WrongAnswer and what the consumer raises."""

        async def give(_: Any) -> Any:
            return answer

        question.verify(at_once(question, self.calls.client(give)))


class _Taken(Exception):
    """Stops a consumer once its request was taken."""


def at_once(question: Question[Any], client: RecipeClient) -> Any:
    """The consumer's answer to a question, where its calls return without waiting."""

    async def conversation() -> Any:
        await client.open()
        return await question.send(client)

    steps = conversation()
    try:
        steps.send(None)
    except StopIteration as stop:
        return stop.value
    steps.close()
    raise RuntimeError(f"{type(client).__name__} waits for something other than a response")
