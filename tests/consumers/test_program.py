"""`python -m consumers`, run as a user runs it: one JSON document on stdout, one-line errors."""

import json
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumers.registry import CONSUMERS, dialects
from producers.registry import flags_for
from tests.support.programs import assert_one_line_error, listening, run, run_here

PROTOCOLS = tuple(CONSUMERS)


@pytest.fixture(scope="module", params=PROTOCOLS)
def producer(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """A protocol and the address of its producer, which serves all dialects of it."""
    flags = flags_for(request.param, dialects(request.param))
    with listening("producers", request.param, "--port", "0", "--gzip", *flags) as started:
        yield request.param, started.addresses[0]


def document(protocol: str, *arguments: str, **given: Any) -> Any:
    done = run_here("consumers", protocol, *arguments, **given)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_get(producer: tuple[str, str]) -> None:
    protocol, address = producer
    done = run_here("consumers", protocol, "get", "42", "--target", address, "--gzip")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "id": 42,
        "name": "Chicken Tikka Masala",
        "steps": "Throw it in a pot...",
        "ingredients": [
            {"id": 1, "name": "Chicken", "quantity": "1 lb"},
            {"id": 2, "name": "Sauce", "quantity": "2 cups"},
        ],
    }
    assert document(protocol, "get", "42", "--fields", "name", TARGET=address) == {"name": "Chicken Tikka Masala"}


def test_list(producer: tuple[str, str]) -> None:
    protocol, address = producer
    page = document(protocol, "list", "--page-size", "10", "--target", address)
    assert [recipe["id"] for recipe in page["recipes"]] == list(range(1, 11))
    token = page["next_page_token"]
    following = document(protocol, "list", "--page-size", "10", "--page-token", token, "--target", address)
    assert following["recipes"][0]["id"] == 11


def test_create(producer: tuple[str, str], tmp_path: Path) -> None:
    protocol, address = producer
    draft = {"name": "Soup", "ingredients": [{"name": "Water", "quantity": "1 l"}]}
    file = tmp_path / "soup.json"
    file.write_text(json.dumps(draft), encoding="utf-8")
    flags = ("--idempotency-key", "once", "--target", address)
    created = document(protocol, "create", str(file), *flags)
    assert created["name"] == "Soup"
    assert created["ingredients"] == [{"id": 1, "name": "Water", "quantity": "1 l"}]
    assert document(protocol, "create", "-", *flags, stdin=json.dumps(draft)) == created
    other = json.dumps({"name": "Stew"})
    assert_one_line_error(run_here("consumers", protocol, "create", "-", *flags, stdin=other), 2, "idempotency key")


def test_an_unknown_recipe_is_a_one_line_error(producer: tuple[str, str]) -> None:
    protocol, address = producer
    assert_one_line_error(run_here("consumers", protocol, "get", "999999", "--target", address), 2, "999999")


def test_the_web_api_shows_both_processes(producer: tuple[str, str]) -> None:
    protocol, address = producer
    with listening("consumers", protocol, "serve", "--port", "0", "--target", address) as api:
        with urllib.request.urlopen(api.addresses[0] + "/") as answer:
            shown = json.load(answer)
        assert shown["consumer_pid"] == api.process.pid
        assert "Chicken Tikka Masala" in json.dumps(shown["producer_data"])
        assert api.end() == 0


@pytest.mark.usefixtures("traced")
def test_the_web_api_answers_502_when_the_producer_is_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        unused = f"127.0.0.1:{free.getsockname()[1]}"
    with listening("consumers", "http", "serve", "--port", "0", "--target", unused) as api:
        with pytest.raises(urllib.request.HTTPError) as raised:
            urllib.request.urlopen(api.addresses[0] + "/")
        with raised.value as answer:
            assert answer.code == 502
            assert answer.headers["Content-Type"].startswith("application/problem+json")
            assert json.load(answer)["error"] == "producer_failed"
        taken = api.addresses[0].rpartition(":")[2]
        again = run("consumers", "http", "serve", "--port", taken, "--target", unused)
        assert_one_line_error(again, 2, taken)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_refused_connection_is_a_one_line_error(protocol: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        unused = f"127.0.0.1:{free.getsockname()[1]}"
    assert_one_line_error(run_here("consumers", protocol, "get", "42", "--target", unused), 2, unused)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("soap", "get", "42"), "'soap'"),
        (("http", "get", "x"), "'x'"),
        (("http", "get", "42", "--target", "ftp://x"), "ftp"),
        (("http", "get", "42", "--ca", "/nowhere.pem"), "/nowhere.pem"),
        (("http", "get", "42", "--fields", "colour"), "'colour'"),
        (("http", "list", "--page-size", "0"), "'0'"),
        (("http", "create", "/nowhere.json"), "/nowhere.json"),
        (("http",), "Missing command"),
    ],
)
def test_bad_usage_is_a_one_line_error(arguments: tuple[str, ...], named: str) -> None:
    assert_one_line_error(run_here("consumers", *arguments), 2, named)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"steps": "no name"}', "[" * 50_000])
def test_an_invalid_draft_is_a_one_line_error(content: str) -> None:
    assert_one_line_error(run_here("consumers", "http", "create", "-", stdin=content), 2, "not a recipe")


def test_every_dialect_gives_the_same_recipe(producer: tuple[str, str]) -> None:
    protocol, address = producer
    one, *others = (
        document(protocol, "get", "42", "--target", address, "--dialect", dialect) for dialect in dialects(protocol)
    )
    assert others == [one]


def test_an_unsupported_dialect_is_bad_usage() -> None:
    done = run_here("consumers", "http", "get", "42", "--dialect", "persisted")
    assert_one_line_error(done, 2, "--dialect: 'persisted' is not a dialect of http; choose from json, protobuf")


def test_an_authority_without_tls_is_refused() -> None:
    done = run_here("consumers", "http", "get", "42", "--target", "http://localhost:1", "--ca", "pyproject.toml")
    assert_one_line_error(done, 2, "--ca has no effect without TLS")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ('{"name": "a",\n"name": "b"}', "-:2: not a recipe: the key 'name' is given twice in the same object"),
        ('{"name": "a"}\n{"name": "b"}', "-:2: not a recipe: not JSON: extra data"),
    ],
)
def test_an_ambiguous_draft_is_named_with_its_line(content: str, named: str) -> None:
    assert_one_line_error(run_here("consumers", "http", "create", "-", stdin=content), 2, named)


@pytest.mark.parametrize("file", ["/dev/zero", "."])
def test_a_draft_that_is_no_file_is_refused(file: str) -> None:
    assert_one_line_error(run_here("consumers", "http", "create", file), 2, f"{file}: is a d")
