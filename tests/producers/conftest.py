"""The JSON producer on the small book, without and with gzip."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.books import small_book
from tests.support.json_contract import SMALL
from tests.support.serving import serving


@pytest_asyncio.fixture(params=[False, True], ids=["identity", "gzip"])
async def address(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A producer without and with gzip."""
    async with serving("http", small_book(), gzip=request.param, limits=SMALL) as served:
        yield served.address


@pytest_asyncio.fixture
async def gzip_address() -> AsyncIterator[str]:
    async with serving("http", small_book(), gzip=True, limits=SMALL) as served:
        yield served.address
