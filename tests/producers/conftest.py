"""The HTTP producer on the small book, in each implementation, without and with gzip."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.books import small_book
from tests.support.implementations import implementations
from tests.support.json_contract import SMALL
from tests.support.serving import serving


@pytest.fixture(params=implementations("http"))
def implementation(request: pytest.FixtureRequest) -> str:
    """The name of an implementation of HTTP."""
    return str(request.param)


@pytest_asyncio.fixture(params=[False, True], ids=["identity", "gzip"])
async def address(request: pytest.FixtureRequest, implementation: str) -> AsyncIterator[str]:
    """A producer without and with gzip."""
    async with serving("http", small_book(), gzip=request.param, limits=SMALL, implementation=implementation) as served:
        yield served.address


@pytest_asyncio.fixture
async def gzip_address(implementation: str) -> AsyncIterator[str]:
    async with serving("http", small_book(), gzip=True, limits=SMALL, implementation=implementation) as served:
        yield served.address
