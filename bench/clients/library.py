"""The library client: the matching consumer and its client library, as a Python caller uses them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter_ns
from typing import Any

from bench.clients.base import Ended, LoopClient, Turns
from bench.workloads import Question, WrongAnswer
from consumers import registry as consumers
from consumers.client import ClientSettings, RecipeClient

CONNECTIONS_AT_MOST = 512
"""Connections that a consumer may open in open loop. Beyond that, requests wait for one, and the wait counts."""


class LibraryClient(LoopClient):
    """Sends through a consumer. Its requests are the questions themselves."""

    @classmethod
    def why_unusable(cls, *, open_loop: bool, new_connections: bool) -> str | None:
        """It can always be used."""
        return None

    def __init__(self, protocol: str, settings: ClientSettings, consumer: RecipeClient | None = None) -> None:
        super().__init__(protocol, settings)
        # In open loop the number of connections must not decide when requests are sent.
        self._client = consumer or consumers.client(
            protocol, replace(settings, connections=settings.connections or CONNECTIONS_AT_MOST)
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None
        """What went wrong in a task besides its request: an error of the loop that is notified of its end."""

    @property
    def consumer(self) -> RecipeClient:
        """The consumer that is timed."""
        return self._client

    async def open(self) -> None:
        """Open the consumer. Raises ConsumerError."""
        await self._client.open()

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()
        self._raise_error()

    def requests(self, questions: Sequence[Question[Any]]) -> Sequence[Question[Any]]:
        """The questions. A consumer builds each request anew, and that is part of its cost."""
        return questions

    def unverified(self, requests: Sequence[Question[Any]]) -> Sequence[Question[Any]]:
        """None: every response is decoded, and whole ones are compared again and again while a cell is timed."""
        return ()

    async def verify(self, request: Question[Any]) -> None:
        """Send and compare."""
        request.verify(await request.send(self._client))

    async def keep_asking(self, turns: Turns, in_flight: int) -> None:
        """Run `in_flight` callers. Each sends its next request when the last one has ended."""
        if in_flight == 1:
            await self._keep_asking(turns)
        else:
            async with asyncio.TaskGroup() as callers:
                for _ in range(in_flight):
                    callers.create_task(self._keep_asking(turns))

    async def _keep_asking(self, turns: Turns) -> None:
        question: Question[Any] | None = turns.first()
        while question is not None:
            sent_ns = perf_counter_ns()
            try:
                answer = await question.send(self._client)
                done_ns = perf_counter_ns()
                failure = _implausible(question, answer)
            except Exception as error:  # whatever a client library or a check raises is this request's outcome
                question = turns.next_after(sent_ns, perf_counter_ns(), error)
                continue
            question = turns.next_after(sent_ns, done_ns, failure)

    async def abandon(self) -> None:
        """Cancel every call."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            # Since Python 3.13, gather does not wait until the callbacks of a task that had ended have been called.
            task.remove_done_callback(self._end_task)
            self._end_task(task)
        self._raise_error()

    def begin(self, request: Question[Any], ended: Ended) -> None:
        """Send in a task of its own."""
        task = asyncio.create_task(self._ask(request, ended))
        self._tasks.add(task)
        task.add_done_callback(self._end_task)

    def _end_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._error = error

    def _raise_error(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    async def _ask(self, question: Question[Any], ended: Ended) -> None:
        sent_ns = perf_counter_ns()
        try:
            answer = await question.send(self._client)
            done_ns = perf_counter_ns()
            failure = _implausible(question, answer)
        except Exception as error:  # whatever a client library or a check raises is this request's outcome
            ended(sent_ns, perf_counter_ns(), error)
            return
        ended(sent_ns, done_ns, failure)


def _implausible(question: Question[Any], answer: Any) -> WrongAnswer | None:
    return None if question.plausible(answer) else WrongAnswer("a response was not the one requested")
