"""A consumer that opens a connection for every call, so that its set-up is part of what a caller waits for."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeVar

from consumers.client import RecipeClient
from consumers.own_requests import OwnAnswer, OwnCall, OwnRequest
from recipes.book import DEFAULT_PAGE_SIZE
from recipes.model import Recipe, RecipeDraft, RecipePage

Answer = TypeVar("Answer")

CLOSING_AT_MOST = 256
"""Connections that may be closing at the same time. When there are more, a call waits until one has closed."""


class FreshConnections(RecipeClient):
    """Any other consumer, opened for each call. A caller gets its answer before the connection is closed.

    When a connection cannot be closed, the next call raises the error, or `close` where there is none.
    """

    def __init__(self, make: Callable[[], RecipeClient]) -> None:
        """`make` returns a consumer that is not open. Each is opened many times, so that files such as certificates are
        read once."""
        self._make = make
        self._idle = [make()]
        self._closing: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []
        """Why connections could not be closed."""
        super().__init__(self._idle[0].settings)

    @property
    def closing(self) -> int:
        """Connections that are closing now."""
        return len(self._closing)

    async def open(self) -> None:
        """Does nothing: each call opens its own connection."""

    async def close(self) -> None:
        """Wait until every connection is closed. Raises what kept one from closing."""
        while self._closing:
            await asyncio.wait(self._closing)
        self._raise_error()

    async def get(self, recipe_id: int, fields: Collection[str] | None = None) -> Recipe:
        """One recipe."""
        return await self._call(lambda client: client.get(recipe_id, fields))

    async def get_many(self, recipe_ids: Sequence[int]) -> tuple[Recipe, ...]:
        """Several recipes in one request."""
        return await self._call(lambda client: client.get_many(recipe_ids))

    async def list(self, page_size: int = DEFAULT_PAGE_SIZE, page_token: str = "") -> RecipePage:
        """A page of whole recipes."""
        return await self._call(lambda client: client.list(page_size, page_token))

    async def create(self, draft: RecipeDraft, idempotency_key: str = "") -> Recipe:
        """Keep a new recipe."""
        return await self._call(lambda client: client.create(draft, idempotency_key))

    async def pid(self) -> int:
        """The process id of the producer."""
        return await self._call(lambda client: client.pid())

    async def producer_data(self, recipe_id: int) -> dict[str, object]:
        """What the consumer web API shows of the producer."""
        return await self._call(lambda client: client.producer_data(recipe_id))

    async def own_calls(self, requests: Sequence[OwnRequest]) -> Sequence[OwnCall]:
        """Calls for the user's own requests."""
        return await self._call(lambda client: client.own_calls(requests))

    async def ask(self, call: OwnCall) -> OwnAnswer:
        """Send one of these."""
        return await self._call(lambda client: client.ask(call))

    async def _call(self, ask: Callable[[RecipeClient], Awaitable[Answer]]) -> Answer:
        while len(self._closing) >= CLOSING_AT_MOST:
            await asyncio.wait(self._closing, return_when=asyncio.FIRST_COMPLETED)
        self._raise_error()
        client = self._idle.pop() if self._idle else self._make()
        try:
            await client.open()
            return await ask(client)
        finally:
            closing = asyncio.create_task(self._put_away(client))
            self._closing.add(closing)
            closing.add_done_callback(self._closed)

    async def _put_away(self, client: RecipeClient) -> None:
        await client.close()
        self._idle.append(client)

    def _closed(self, closing: asyncio.Task[None]) -> None:
        self._closing.discard(closing)
        if not closing.cancelled() and (error := closing.exception()) is not None:
            self._errors.append(error)

    def _raise_error(self) -> None:
        if self._errors:
            raise self._errors.pop(0)
