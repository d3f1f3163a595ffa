"""Automatic persisted queries: sent once, then requested by their hash; their number is bounded."""

import hashlib
import os
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import msgspec
import pytest
import pytest_asyncio

from consumers.errors import OperationUnsupported
from producers import graphql_documents, graphql_persisted
from producers.graphql_http import GRAPHQL_JSON
from producers.graphql_persisted import PersistedQueries
from producers.http_problems import Problem
from producers.settings import ProducerSettings
from tests.support.books import CHICKEN, small_book
from tests.support.implementations import implementations
from tests.support.raw_http import RawAnswer, request
from tests.support.relay import relay_to
from tests.support.serving import Served, serving

QUERY = "{ pid }"
HEADERS = {"Content-Type": "application/json", "Accept": GRAPHQL_JSON}


def extension(query: str, **changes: object) -> dict[str, object]:
    return {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(query.encode()).hexdigest(), **changes}}


@pytest_asyncio.fixture(params=implementations("graphql"))
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    settings = ProducerSettings(persisted_queries=True)
    async with serving("graphql", small_book(), settings=settings, implementation=request.param) as it:
        yield it


async def ask(address: str, **sent: object) -> RawAnswer:
    return await request(address, "POST", "/graphql", HEADERS, msgspec.json.encode(sent))


def error_of(answer: RawAnswer) -> tuple[int, str, str]:
    (error,) = answer.json["errors"]
    return answer.status, error["extensions"]["code"], error["message"]


NOT_FOUND = (400, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")


async def test_a_registered_query_can_be_sent_by_its_hash(served: Served) -> None:
    named = extension(QUERY)
    assert error_of(await ask(served.address, extensions=named)) == NOT_FOUND
    data = {"data": {"pid": os.getpid()}}
    assert (await ask(served.address, query=QUERY, extensions=named)).json == data
    assert (await ask(served.address, extensions=named)).json == data
    by_get = urlencode({"extensions": msgspec.json.encode(named).decode()})
    assert (await request(served.address, "GET", f"/graphql?{by_get}")).json == data
    upper = extension(QUERY, sha256Hash=hashlib.sha256(QUERY.encode()).hexdigest().upper())
    assert (await ask(served.address, extensions=upper)).json == data


async def test_a_hash_that_does_not_match_its_query_is_refused(served: Served) -> None:
    answer = await ask(served.address, query="{ recipe(id: 1) { id } }", extensions=extension(QUERY))
    assert error_of(answer) == (400, "BAD_REQUEST", "sha256Hash does not match the query")
    assert error_of(await ask(served.address, extensions=extension(QUERY))) == NOT_FOUND


@pytest.mark.parametrize("query", ["{", "{ nothing }", "{ " + "pid " * 400 + "}"])
async def test_an_invalid_query_is_not_registered(served: Served, query: str) -> None:
    assert (await ask(served.address, query=query, extensions=extension(query))).status == 400
    assert error_of(await ask(served.address, extensions=extension(query))) == NOT_FOUND


@pytest.mark.parametrize(
    "persisted", [{"version": 2}, {"sha256Hash": None}, {"sha256Hash": "abc"}, {"version": None}, {"sha256Hash": 1}]
)
async def test_an_invalid_hash_is_refused(served: Served, persisted: dict[str, object]) -> None:
    assert error_of(await ask(served.address, extensions=extension(QUERY, **persisted)))[:2] == (400, "BAD_REQUEST")


async def test_other_extensions_are_ignored(served: Served) -> None:
    assert (await ask(served.address, query=QUERY, extensions={"other": 1})).status == 200


async def test_persisted_queries_are_disabled_by_default() -> None:
    async with serving("graphql", small_book()) as served:
        answer = await ask(served.address, extensions=extension(QUERY))
        assert error_of(answer) == (400, "PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")
        assert (await ask(served.address, query=QUERY, extensions=extension(QUERY))).status == 200
        async with served.client(dialect="persisted") as client:
            with pytest.raises(OperationUnsupported):
                await client.get(42)


def test_the_number_of_registered_queries_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphql_persisted, "MAXIMUM_QUERIES", 2)
    queries = PersistedQueries()
    queries.keep("a", "A")
    queries.keep("b", "B")
    assert queries.text("a") == "A"
    queries.keep("c", "C")
    assert (len(queries), queries.text("a"), queries.text("c")) == (2, "A", "C")
    with pytest.raises(Problem):
        queries.text("b")
    queries.keep("large", "L" * (graphql_documents.MAXIMUM_KEPT_CHARACTERS + 1))
    with pytest.raises(Problem):
        queries.text("large")


async def test_the_client_sends_the_query_text_once(served: Served) -> None:
    target = served.client_settings.target
    async with relay_to(target.host, target.port) as relay:
        changed = {"target": type(target)("127.0.0.1", relay.port), "dialect": "persisted"}
        async with served.client(**changed) as client:
            for _ in range(3):
                assert await client.get(CHICKEN.id) == CHICKEN
        assert relay.sent.count(b"sha256Hash") == 4, "one of them was not found"
        assert relay.sent.count(b"query Get") == 1
