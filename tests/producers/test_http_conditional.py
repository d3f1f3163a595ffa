"""Conditional requests over HTTP: entity tags, If-None-Match and If-Match."""

from itertools import product

import pytest

from tests.support.json_contract import GOOD, GZIP, JSON, assert_problem
from tests.support.raw_http import request

CONDITIONAL = ["/recipes/42", "/recipes/42?fields=name", "/recipes?page_size=2", "/pid", "/health", "/openapi.json"]


@pytest.mark.parametrize("path", CONDITIONAL)
async def test_a_matching_if_none_match_is_304(gzip_address: str, path: str) -> None:
    tags = {}
    for headers in ({}, GZIP):
        answer = await request(gzip_address, "GET", path, headers)
        tags[len(headers)] = tag = answer.headers["etag"]
        known = [tag, f"W/{tag}", f'"other", {tag}', f'"a,b",W/"c" , W/{tag}', "*"]
        for method, if_none_match in product(("GET", "HEAD"), known):
            got = await request(gzip_address, method, path, {**headers, "If-None-Match": if_none_match})
            assert (got.status, got.content, got.headers["etag"]) == (304, b"", tag), if_none_match
            assert got.headers["vary"] == answer.headers["vary"]
            assert got.headers.get("cache-control") == answer.headers.get("cache-control")
            assert "content-length" not in got.headers
        for unknown in ('"other"', tag.strip('"'), "", tag[:-1]):
            got = await request(gzip_address, "GET", path, {**headers, "If-None-Match": unknown})
            assert (got.status, got.content) == (200, answer.content), unknown
    assert tags[0] != tags[1], "each coding has its own"


async def test_an_etag_changes_only_with_the_representation(gzip_address: str) -> None:
    tags = [(await request(gzip_address, "GET", path)).headers["etag"] for path in ("/recipes/1", "/recipes/1")]
    assert tags[0] == tags[1] != (await request(gzip_address, "GET", "/recipes/2")).headers["etag"]
    assert tags[0].startswith('"'), "strong"


async def test_a_failing_if_match_is_412(gzip_address: str) -> None:
    tag = (await request(gzip_address, "GET", "/recipes/1")).headers["etag"]
    for if_match in (tag, "*", f'"x", {tag}'):
        assert (await request(gzip_address, "GET", "/recipes/1", {"If-Match": if_match})).status == 200
    for if_match in ('"x"', f"W/{tag}", ""):
        assert_problem(
            await request(gzip_address, "GET", "/recipes/1", {"If-Match": if_match}), 412, "precondition_failed"
        )


async def test_if_modified_since_is_ignored(gzip_address: str) -> None:
    for since in ("nonsense", "Wed, 25 Nov 2099 00:00:00 GMT"):
        assert (await request(gzip_address, "GET", "/recipes/1", {"If-Modified-Since": since})).status == 200


@pytest.mark.parametrize("path", ["/health", "/pid"])
async def test_pid_and_health_are_no_store(gzip_address: str, path: str) -> None:
    assert (await request(gzip_address, "GET", path)).headers["cache-control"] == "no-store"


async def test_errors_and_created_recipes_have_no_etag(gzip_address: str) -> None:
    created = await request(gzip_address, "POST", "/recipes", {**JSON, "If-None-Match": '"x"'}, GOOD)
    assert (created.status, "etag" in created.headers) == (201, False)
    unknown = await request(gzip_address, "GET", "/recipes/43000", {"If-None-Match": "*"})
    assert (unknown.status, "etag" in unknown.headers) == (404, False)
