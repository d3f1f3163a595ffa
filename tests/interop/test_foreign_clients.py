"""The producers with third-party clients: curl, Node.js's fetch, graphql-request."""

import json
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, lexicographic_sort_schema, print_schema

from consumers.target import parse_target
from tests.interop.conftest import Run
from tests.support.programs import Listening

MASALA = {
    "id": 42,
    "name": "Chicken Tikka Masala",
    "steps": "Throw it in a pot...",
    "ingredients": [{"id": 1, "name": "Chicken", "quantity": "1 lb"}, {"id": 2, "name": "Sauce", "quantity": "2 cups"}],
}
SCHEMA = Path(__file__).parents[2] / "protos" / "recipe.graphql"


def with_text_ids(value: Any) -> Any:
    """The recipe with ids as text, as in GraphQL."""
    if isinstance(value, dict):
        return {name: str(inner) if name == "id" else with_text_ids(inner) for name, inner in value.items()}
    return [with_text_ids(inner) for inner in value] if isinstance(value, list) else value


def in_order(schema: str) -> str:
    """The schema, printed in a fixed order."""
    return print_schema(lexicographic_sort_schema(build_schema(schema)))


def test_curl_reads_and_creates(curl: Run, http_address: str) -> None:
    assert json.loads(curl(f"{http_address}/recipes/42"))["recipe"] == MASALA
    compressed = curl("--compressed", "--dump-header", "-", f"{http_address}/recipes/42")
    assert "content-encoding: gzip" in compressed.lower()
    assert json.loads(compressed.partition("\n\n")[2])["recipe"] == MASALA
    created = curl("--json", '{"name": "Soup"}', "--header", "Expect: 100-continue", f"{http_address}/recipes")
    assert json.loads(created)["recipe"]["name"] == "Soup"


@pytest.mark.parametrize("port", [0, 1], ids=["plain", "tls"])
def test_a_call_by_curl_without_the_grpc_content_type_is_415(
    curl: Run, strict_grpc_producer: Listening, tmp_path: Path, port: int
) -> None:
    sent = tmp_path / "message"
    sent.write_bytes(b"\0\0\0\0\2\x08\x2a")
    target = parse_target(strict_grpc_producer.addresses[port])
    scheme, spoken = ("https", "--http2") if target.tls else ("http", "--http2-prior-knowledge")
    address = f"{scheme}://localhost:{target.port}/recipe.RecipeService/GetRecipe"
    posted = (spoken, "--data-binary", f"@{sent}", "--header", "te: trailers", "--write-out", "%{http_code}")
    assert curl(*posted, "--header", "content-type: application/json", address) == "415"
    assert "Chicken Tikka Masala" in curl(*posted, "--header", "content-type: application/grpc", address)


def test_bad_requests_by_curl_get_a_status_and_a_problem(curl: Run, http_address: str) -> None:
    report = ("--output", "/dev/null", "--write-out", "%{http_code} %{content_type}")
    problem = "application/problem+json"
    assert curl(*report, f"{http_address}/recipes/43000") == f"404 {problem}"
    assert curl(*report, "--request", "DELETE", f"{http_address}/recipes/42") == f"405 {problem}"
    assert curl(*report, "--data", "name=Soup", f"{http_address}/recipes") == f"415 {problem}"
    assert curl(*report, "--head", f"{http_address}/recipes/42") == "200 application/json"
    assert curl(*report, "--request", "OPTIONS", f"{http_address}/recipes/42").split() == ["204"]


def test_curl_revalidates_a_page_by_its_etag(curl: Run, http_address: str, tmp_path: Path) -> None:
    tag = str(tmp_path / "tag")
    url = f"{http_address}/recipes?page_size=3"
    assert curl("--etag-save", tag, url)
    report = ("--output", "/dev/null", "--write-out", "%{http_code} %{size_download}")
    assert curl(*report, "--etag-compare", tag, url) == "304 0"


def test_fetch_in_node_reads_and_creates(node_script: Run, http_address: str) -> None:
    got = json.loads(node_script("fetch_recipes.mjs", http_address))
    assert got["masala"] == MASALA
    assert got["ids"][:100] == list(range(1, 101))
    assert got["named"] == [3, 1]
    assert got["conflict"] == [422, "idempotency_conflict"]
    assert got["unknown"] == [404, "application/problem+json", "not_found"]
    assert got["missing"] == 404


def test_graphql_request_reads_and_creates(node_script: Run, graphql_address: str) -> None:
    got = json.loads(node_script("graphql_client.mjs", graphql_address))
    assert got["masala"] == with_text_ids(MASALA)
    assert got["ids"][:100] == list(range(1, 101))
    assert got["many"] == [{"id": "3"}, {"id": "1"}]
    assert got["created"] == {"name": "Soup", "ingredients": [{"quantity": "1 l"}]}
    assert got["refused"] == "NOT_FOUND"
    assert in_order(got["schema"]) == in_order(SCHEMA.read_text(encoding="utf-8"))


def test_curl_queries_graphql(curl: Run, graphql_address: str) -> None:
    answer = curl("--json", '{"query": "{ recipe(id: 42) { name } }"}', graphql_address)
    assert json.loads(answer) == {"data": {"recipe": {"name": MASALA["name"]}}}
    got = curl("--get", "--data-urlencode", "query={ recipe(id: 42) { name } }", graphql_address)
    assert json.loads(got) == json.loads(answer)
