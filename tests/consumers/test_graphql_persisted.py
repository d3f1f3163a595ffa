"""The consumer of persisted queries with a producer that never registers them."""

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from consumers.client import ClientSettings
from consumers.errors import NotKnownYet
from consumers.graphql_persisted import PersistedGraphqlHttpClient
from consumers.target import Target

UNKNOWN = msgspec.json.encode(
    {"errors": [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]}
)


async def test_a_query_that_stays_unknown_is_an_error() -> None:
    bodies: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        return web.Response(body=UNKNOWN, content_type="application/json")

    application = web.Application()
    application.router.add_post("/graphql", answer)
    async with TestServer(application) as server:
        settings = ClientSettings(target=Target("127.0.0.1", server.port or 0))
        async with PersistedGraphqlHttpClient(settings) as consumer:
            with pytest.raises(NotKnownYet, match="does not accept the query"):
                await consumer.get(42)
    assert [b'"query"' in body for body in bodies] == [False, True]
