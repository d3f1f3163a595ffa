"""Requests of the user's own: values in templates, what may differ, and where answers differ."""

from typing import Any

import pytest

from consumers.errors import BadOwnRequest
from consumers.own_graphql import GraphqlRequest
from consumers.own_grpc import GrpcRequest
from consumers.own_http import HttpCall, HttpRequest
from consumers.own_requests import difference, without


def test_values_in_a_path_are_percent_encoded() -> None:
    request = HttpRequest(path="/orders/{id}?of={name}&literal={{id}}")
    assert request.filled({"id": 7, "name": "a/b ü&c"}).path == "/orders/7?of=a%2Fb%20%C3%BC%26c&literal={id}"


@pytest.mark.parametrize("value", [7, "7", 7.5, True])
def test_a_name_alone_becomes_its_value_in_json(value: Any) -> None:
    found = GrpcRequest(method="a.B/C", message={"id": "{id}", "in": [{"deep": "{id}"}]}).filled({"id": value})
    assert found.message == {"id": value, "in": [{"deep": value}]}


def test_a_name_within_a_text_becomes_a_part_of_it() -> None:
    found = GraphqlRequest(query="{a}", variables={"key": "order-{id}-{on}", "as": "{{id}}"}).filled(
        {"id": 7, "on": True}
    )
    assert found.variables == {"key": "order-7-true", "as": "{id}"}
    assert found.query == "{a}"


def test_a_text_body_is_sent_as_it_is() -> None:
    request = HttpRequest(path="/", body='{"id": {id}}', content_type="text/plain").filled({"id": 7})
    call = HttpCall(request)
    assert (call.method, call.encoded(), call.headers) == ("POST", b'{"id": 7}', {"Content-Type": "text/plain"})


def test_a_text_body_that_is_a_name_only_stays_a_text() -> None:
    assert HttpCall(HttpRequest(path="/", body="{id}").filled({"id": 7})).encoded() == b"7"


def test_a_request_without_a_body_is_a_get() -> None:
    call = HttpCall(HttpRequest(path="/"))
    assert (call.method, call.encoded(), call.headers) == ("GET", None, {})


def test_a_name_without_a_value_is_refused() -> None:
    with pytest.raises(BadOwnRequest, match=r"message\.in\[1\]: \{id\} has no values"):
        GrpcRequest(method="a.B/C", message={"in": [1, "{id}"]}).filled({"number": 1})


CONTENT = {"a": {"b": 1, "c": 2}, "items": [{"age": 1, "id": 1}, {"age": 2, "id": 2}], "t": 3}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("t", {"a": {"b": 1, "c": 2}, "items": [{"age": 1, "id": 1}, {"age": 2, "id": 2}]}),
        ("a.b", {**CONTENT, "a": {"c": 2}}),
        ("items.*.age", {**CONTENT, "items": [{"id": 1}, {"id": 2}]}),
        ("items.1", {**CONTENT, "items": [{"age": 1, "id": 1}]}),
        ("*.b", {**CONTENT, "a": {"c": 2}}),
        ("*", {}),
        ("missing.b", CONTENT),
        ("t.b", CONTENT),
    ],
)
def test_what_may_differ_is_left_out(path: str, expected: Any) -> None:
    assert without(CONTENT, (path,)) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (CONTENT, CONTENT, ""),
        ({"a": 1}, {"a": 2}, "at a: 1, then 2"),
        ({"a": [{"b": 1}]}, {"a": [{"b": "x"}]}, 'at a.0.b: 1, then "x"'),
        ({"a": [1]}, {"a": []}, "at a: 1 entries, then 0"),
        ({"a": 1}, {}, "at a: there, then not"),
        ({}, {"a": 1}, "at a: not there, then there"),
        (1, 2, "as a whole: 1, then 2"),
        (b"x", b"y", "as a whole: b'x', then b'y'"),
        ("x" * 60, "y", f'as a whole: "{"x" * 39}…, then "y"'),
    ],
)
def test_the_first_difference_is_named(before: Any, after: Any, expected: str) -> None:
    assert difference(before, after) == expected
