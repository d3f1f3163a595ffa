"""The threaded gRPC server: calls of a book that waits, which run on the event loop."""

import asyncio

import pytest

from producers import grpc_threads
from recipes.model import Recipe
from tests.support.books import CHICKEN, PatientBook
from tests.support.serving import serving


class CancelledBook(PatientBook):
    """Sets `cancelled` when its caller does not wait any longer."""

    def __init__(self) -> None:
        super().__init__()
        self.cancelled = asyncio.Event()

    async def get(self, recipe_id: int) -> Recipe:
        try:
            return await super().get(recipe_id)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


async def test_a_call_that_its_caller_ends_is_no_internal_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # With one thread, the second call begins when all is done for the first.
    monkeypatch.setattr(grpc_threads, "THREADS", 1)
    book = CancelledBook()
    async with serving("grpc", book, implementation="grpcio-threads") as served, served.client() as consumer:
        call = asyncio.create_task(consumer.get(42))
        await book.asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await book.cancelled.wait()
        book.released.set()
        assert await consumer.get(42) == CHICKEN
    assert caplog.text == ""
