"""Protobuf over HTTP: negotiation, content, and the errors of invalid bodies; plain and over TLS."""

import asyncio
import subprocess
import sys
from itertools import product
from typing import Any

import pytest

from producers.certificates import CertificateFiles
from producers.http_semantics import gzipped
from producers.settings import Limits
from protos import recipe_pb2 as messages
from tests.support.books import CHICKEN, small_book
from tests.support.json_contract import SMALL, assert_problem
from tests.support.programs import environment
from tests.support.raw_http import request
from tests.support.serving import serving

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
SENT = messages.Recipe(name="Soup", ingredients=[messages.Ingredient(name="Water", quantity="1 l")])


async def test_responses_are_the_messages_of_the_contract(address: str) -> None:
    recipe = await request(address, "GET", "/recipes/42", {"Accept": PROTOBUF})
    assert (recipe.status, recipe.headers["content-type"]) == (200, PROTOBUF)
    message = messages.Recipe.FromString(recipe.content)
    assert (message.id, message.name, message.ingredients[1].quantity) == (42, CHICKEN.name, "2 cups")
    some = await request(address, "GET", "/recipes/42?fields=ingredients,name", {"Accept": PROTOBUF})
    named = [field.name for field, _ in messages.Recipe.FromString(some.content).ListFields()]
    assert named == ["name", "ingredients"]
    page = await request(address, "GET", "/recipes?page_size=2", {"Accept": PROTOBUF})
    assert [each.id for each in messages.ListRecipesResponse.FromString(page.content).recipes] == [1, 2]
    assert 'rel="next"' in page.headers["link"]
    many = await request(address, "GET", "/recipes?ids=42,1", {"Accept": PROTOBUF})
    assert [each.id for each in messages.BatchGetRecipesResponse.FromString(many.content).recipes] == [42, 1]


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (f"{PROTOBUF}, {JSON}", PROTOBUF),
        (f"{JSON}, {PROTOBUF}", JSON),
        (f"{PROTOBUF};q=0.5, {JSON}", JSON),
        (f"{JSON};q=0.5, {PROTOBUF};q=0.51", PROTOBUF),
        (f"{PROTOBUF};q=0, */*", JSON),
        (f"{JSON};q=0, */*", PROTOBUF),
        (f"*/*;q=0.1, {PROTOBUF};q=0.2", PROTOBUF),
        ("APPLICATION/X-PROTOBUF", PROTOBUF),
        (f"{PROTOBUF};q=nonsense, {JSON};q=0.1", JSON),
    ],
)
async def test_the_representation_is_negotiated(address: str, accept: str | None, answered: str) -> None:
    headers = {} if accept is None else {"Accept": accept}
    for method, path in product(("GET", "HEAD"), ("/recipes/42", "/recipes?page_size=1")):
        answer = await request(address, method, path, headers)
        assert (answer.status, answer.headers["content-type"]) == (200, answered)
        assert answer.headers["vary"].split(", ")[0] == "Accept"


@pytest.mark.parametrize("accept", ["application/protobuf", f"{PROTOBUF};q=0, {JSON};q=0", "text/html"])
async def test_an_accept_header_without_json_and_protobuf_is_406(address: str, accept: str) -> None:
    assert_problem(await request(address, "GET", "/recipes/42", {"Accept": accept}), 406, "not_acceptable")


async def test_other_resources_are_available_in_json_only(address: str) -> None:
    for path in ("/pid", "/health", "/openapi.json"):
        assert_problem(await request(address, "GET", path, {"Accept": PROTOBUF}), 406, "not_acceptable")


async def test_errors_are_still_problem_documents(address: str) -> None:
    assert_problem(await request(address, "GET", "/recipes/999", {"Accept": PROTOBUF}), 404, "not_found")
    assert_problem(
        await request(address, "GET", "/recipes?page_size=0", {"Accept": PROTOBUF}), 400, "invalid", "page_size"
    )


async def test_each_representation_has_its_own_etag(address: str) -> None:
    tags = {}
    for accept in (JSON, PROTOBUF):
        tags[accept] = (await request(address, "GET", "/recipes/42", {"Accept": accept})).headers["etag"]
    assert tags[JSON] != tags[PROTOBUF]
    known = {"Accept": PROTOBUF, "If-None-Match": tags[PROTOBUF]}
    assert (await request(address, "GET", "/recipes/42", known)).status == 304
    other = {"Accept": PROTOBUF, "If-None-Match": tags[JSON]}
    assert (await request(address, "GET", "/recipes/42", other)).status == 200


async def test_gzip_applies_to_the_negotiated_representation() -> None:
    async with serving("http", small_book(), gzip=True) as served:
        plain = await request(served.address, "GET", "/recipes/42", {"Accept": PROTOBUF})
        compressed = await request(
            served.address, "GET", "/recipes/42", {"Accept": PROTOBUF, "Accept-Encoding": "gzip"}
        )
    assert compressed.headers["vary"] == "Accept, Accept-Encoding"
    assert compressed.content == gzipped(plain.content, 6)


@pytest.mark.parametrize(("sent", "accept"), list(product((PROTOBUF, JSON), repeat=2)))
async def test_a_recipe_is_created_from_and_returned_in_either_type(address: str, sent: str, accept: str) -> None:
    body = SENT.SerializeToString() if sent == PROTOBUF else b'{"name":"Soup"}'
    answer = await request(address, "POST", "/recipes", {"Content-Type": sent, "Accept": accept}, body)
    assert (answer.status, answer.headers["content-type"]) == (201, accept)
    if accept == PROTOBUF:
        assert messages.Recipe.FromString(answer.content).name == "Soup"
    else:
        assert answer.json["recipe"]["name"] == "Soup"


@pytest.mark.parametrize("body", [b"\xff\xff\xff\xff", b"\x08", b"\x12\x7fx", b"\x12\x02\xff\xfe", b'{"name":"Soup"}'])
async def test_an_undecodable_message_is_400(address: str, body: bytes) -> None:
    assert_problem(await request(address, "POST", "/recipes", {"Content-Type": PROTOBUF}, body), 400, "invalid")


async def test_a_message_without_a_name_is_400(address: str) -> None:
    assert_problem(await request(address, "POST", "/recipes", {"Content-Type": PROTOBUF}, b""), 400, "invalid", "name")


@pytest.mark.parametrize("claimed", ["application/protobuf", "application/x-protobuffer", "text/plain", ""])
async def test_bodies_of_other_types_are_415(address: str, claimed: str) -> None:
    answer = await request(address, "POST", "/recipes", {"Content-Type": claimed}, SENT.SerializeToString())
    assert_problem(answer, 415, "unsupported_media_type")
    assert answer.headers["accept-post"] == f"{JSON}, {PROTOBUF}"


async def test_a_large_message_is_413_also_when_inflated(address: str) -> None:
    large = messages.Recipe(name="Soup", steps="x" * SMALL.body_bytes).SerializeToString()
    assert_problem(await request(address, "POST", "/recipes", {"Content-Type": PROTOBUF}, large), 413, "too_large")
    compressed = {"Content-Type": PROTOBUF, "Content-Encoding": "gzip"}
    assert_problem(await request(address, "POST", "/recipes", compressed, gzipped(large, 6)), 413, "too_large")


async def test_unknown_fields_are_ignored(address: str) -> None:
    body = SENT.SerializeToString() + b"\xa2\x06\x03abc"
    answer = await request(address, "POST", "/recipes", {"Content-Type": PROTOBUF}, body)
    assert (answer.status, answer.json["recipe"]["name"]) == (201, "Soup")


async def test_responses_over_tls_are_the_same(own_certificates: CertificateFiles) -> None:
    tls: Any = {"certificates": own_certificates, "dialect": "protobuf"}
    async with serving("http", small_book(), **tls) as served, served.client() as client:
        assert await client.get(42) == CHICKEN
        assert await client.pid() > 0
        shown = await client.producer_data(42)
    assert isinstance(shown["recipe"], dict)


async def test_deeply_nested_unknown_fields_are_not_parsed() -> None:
    """A Recipe nests two messages deep. Deeper ones can only be in unknown fields, which are not parsed."""
    nested = b""
    for _ in range(200):
        nested = b"\xa3\x06" + nested + b"\xa4\x06"
    async with serving("http", small_book(), limits=Limits()) as served:
        answer = await request(served.address, "POST", "/recipes", {"Content-Type": PROTOBUF}, nested)
    assert_problem(answer, 400, "invalid")


NOT_BEFORE_ASKED = """
import asyncio, sys
from tests.support.raw_http import request
from tests.support.books import small_book
from tests.support.serving import serving

async def main():
    async with serving("http", small_book()) as served:
        await request(served.address, "GET", "/recipes/42")
        before = "google.protobuf" in sys.modules
        await request(served.address, "GET", "/recipes/42", {"Accept": "application/x-protobuf"})
        print(before, "google.protobuf" in sys.modules, "grpc" in sys.modules)

asyncio.run(main())
"""


async def test_protobuf_is_imported_on_first_use_and_grpc_never() -> None:
    process = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", NOT_BEFORE_ASKED],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert process.stdout.split() == ["False", "True", "False"], process.stderr
