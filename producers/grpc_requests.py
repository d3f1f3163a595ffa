"""Taking the request of a call within the server's own deadline, whatever deadline the caller has set, if any.

grpc.aio itself waits for the one message of a unary call for as long as the connection lives. A caller that sends none
holds the call's slot, and one that ends its stream without any is never answered.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import grpc

from producers.settings import Limits


class NoMessage(Exception):
    """The caller ended its side of a unary call without a message, or with a part of one."""


class MessageOverdue(Exception):
    """The caller sent no message in time. The text is for the caller."""


class TooMuchMetadata(Exception):
    """The caller sent more metadata than it may. The text is for the caller."""


class RequestReader:
    """Reads the messages of calls. Each has to come within `limits.body_timeout_s` of being waited for.

    One timer goes through all calls that wait, four times in that time, so that a call needs no timer of its own, which
    would cost more than the rest of this (docs/decisions/0007-grpc-request-deadline.md).
    """

    def __init__(self, limits: Limits) -> None:
        self._timeout_s = limits.body_timeout_s
        self._metadata_bytes = limits.calls.metadata_bytes
        self._waiting_since_s: dict[asyncio.Task[Any], float] = {}
        self._overdue: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def one(self, context: Any) -> bytes:
        """The message of a unary call. What follows it does not matter.

        Raises NoMessage, MessageOverdue, TooMuchMetadata.
        """
        self._check_metadata(context)
        sent = await self._next(context)
        if sent is grpc.aio.EOF:
            raise NoMessage
        return cast(bytes, sent)

    async def all(self, context: Any) -> AsyncIterator[bytes]:
        """The messages of a stream. Raises MessageOverdue, TooMuchMetadata."""
        self._check_metadata(context)
        while (sent := await self._next(context)) is not grpc.aio.EOF:
            yield sent

    def _check_metadata(self, context: Any) -> None:
        """gRPC's core applies the limit once the caller has acknowledged its settings, and until then one of 16 MiB."""
        size = sum([32 + len(name) + len(value) for name, value in context.invocation_metadata()])
        if size > self._metadata_bytes:
            raise TooMuchMetadata(f"more than {self._metadata_bytes} bytes of metadata")

    async def _next(self, context: Any) -> Any:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._waiting_since_s[task] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._timeout_s / 4, self._look, loop)
        try:
            return await context.read()
        except asyncio.CancelledError:
            if task not in self._overdue:
                raise
            task.uncancel()
            raise MessageOverdue(f"no message came within {self._timeout_s:g} s") from None
        finally:
            del self._waiting_since_s[task]
            self._overdue.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        latest_s = loop.time() - self._timeout_s
        for task, since_s in self._waiting_since_s.items():
            if since_s <= latest_s and task not in self._overdue:
                self._overdue.add(task)
                task.cancel()
        self._timer = loop.call_later(self._timeout_s / 4, self._look, loop) if self._waiting_since_s else None
