"""Calls to the gRPC producer through a grpcio channel, without the lab's client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from consumers.client import ClientSettings
from consumers.grpc_http2 import channel_options
from recipes.book import InMemoryRecipeBook
from tests.support.books import small_book
from tests.support.serving import serving

SERVICE = "/recipe.RecipeService"
"""What stands before a method in its path."""


@asynccontextmanager
async def channel_to(book: InMemoryRecipeBook | None = None, **given: Any) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a producer of `book` (by default the small one); `given` are arguments of `serving`."""
    async with serving("grpc", small_book() if book is None else book, **given) as served:
        authority = served.client_settings.target.authority
        async with grpc.aio.insecure_channel(authority) as channel:
            yield channel


def with_retries(settings: ClientSettings) -> grpc.aio.Channel:
    """A consumer's channel that sends a call again which the server has refused, as gRPC's core does by default."""
    options = [(name, value) for name, value in channel_options(settings) if name != "grpc.enable_retries"]
    return grpc.aio.insecure_channel(settings.target.authority, options=options)


def in_bytes(method: Any) -> Any:
    """A method without serializers: it takes and returns bytes."""
    return method


async def refusal(call: Any) -> grpc.aio.AioRpcError:
    """The error of a call that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value
