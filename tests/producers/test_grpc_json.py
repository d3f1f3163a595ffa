"""JSON over gRPC: the same text as over HTTP, and the errors of invalid requests; plain and over TLS."""

from typing import Any

import grpc
import msgspec
import pytest

from producers.certificates import write
from producers.grpc_json_service import NAME
from recipes.model import FIELDS
from tests.support.books import CHICKEN, small_book
from tests.support.grpc_channels import channel_to, refusal
from tests.support.raw_http import request
from tests.support.serving import serving


def method(channel: grpc.aio.Channel, name: str) -> Any:
    return channel.unary_unary(f"/{NAME}/{name}")


async def test_the_json_text_is_the_same_as_over_http() -> None:
    async with serving("http", small_book()) as http, channel_to() as channel:
        for path, name, asked in (
            ("/recipes/42", "GetRecipe", b'{"id":42}'),
            ("/recipes/42?fields=steps,name", "GetRecipe", b'{"id":42,"read_mask":"steps,name"}'),
            ("/recipes?page_size=3", "ListRecipes", b'{"page_size":3}'),
            ("/recipes", "ListRecipes", b"{}"),
            ("/recipes?ids=42,1", "BatchGetRecipes", b'{"ids":[42,1]}'),
            ("/pid", "GetMetaData", b"{}"),
        ):
            assert await method(channel, name)(asked) == (await request(http.address, "GET", path)).content, path


async def test_a_page_token_continues_the_list() -> None:
    async with channel_to() as channel:
        first = msgspec.json.decode(await method(channel, "ListRecipes")(b'{"page_size":2}'))
        token = first["next_page_token"]
        sent = msgspec.json.encode({"page_size": 2, "page_token": token})
        second = msgspec.json.decode(await method(channel, "ListRecipes")(sent))
    assert [each["id"] for each in first["recipes"] + second["recipes"]] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("GetRecipe", b""),
        ("GetRecipe", b"\xff"),
        ("GetRecipe", b"{"),
        ("GetRecipe", b'{"id":"42"}'),
        ("GetRecipe", b'{"id":42,"id":43}'),
        ("GetRecipe", b'{"id":42,"fields":"name"}'),
        ("GetRecipe", b"[" * 100_000),
        ("GetRecipe", b"\x08\x2a"),
        ("GetMetaData", b"null"),
        ("ListRecipes", b'{"page_size":1.5}'),
        ("CreateRecipe", b"{}"),
        ("CreateRecipe", b'{"recipe":{"steps":"none"}}'),
        ("CreateRecipe", b'{"recipe":{"name":"Soup","nmae":""}}'),
        ("BatchGetRecipes", b'{"ids":42}'),
    ],
)
async def test_an_invalid_request_is_an_invalid_argument(name: str, sent: bytes) -> None:
    async with channel_to() as channel:
        error = await refusal(method(channel, name)(sent))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert error.details()
        assert "Traceback" not in str(error.details())
        assert await method(channel, "GetRecipe")(b'{"id":42}'), "the producer still serves"


@pytest.mark.parametrize(
    ("name", "sent", "code"),
    [
        ("GetRecipe", b'{"id":999}', "NOT_FOUND"),
        ("GetRecipe", b"{}", "NOT_FOUND"),
        ("GetRecipe", b'{"id":42,"read_mask":"nmae"}', "INVALID_ARGUMENT"),
        ("GetRecipe", b'{"id":42,"read_mask":""}', "INVALID_ARGUMENT"),
        ("ListRecipes", b'{"page_size":-1}', "INVALID_ARGUMENT"),
        ("CreateRecipe", b'{"recipe":{"name":" "}}', "INVALID_ARGUMENT"),
        ("BatchGetRecipes", b"{}", "INVALID_ARGUMENT"),
        ("Nothing", b"{}", "UNIMPLEMENTED"),
    ],
)
async def test_domain_errors_have_the_same_status_as_with_protobuf(name: str, sent: bytes, code: str) -> None:
    async with channel_to() as channel:
        assert (await refusal(method(channel, name)(sent))).code().name == code


async def test_responses_over_tls_are_the_same(tmp_path: Any) -> None:
    tls: Any = {"certificates": write(tmp_path), "dialect": "json"}
    async with serving("grpc", small_book(), **tls) as served, served.client() as client:
        assert await client.get(CHICKEN.id) == CHICKEN
        assert await client.get(CHICKEN.id, FIELDS) == CHICKEN
        assert await client.pid() > 0
