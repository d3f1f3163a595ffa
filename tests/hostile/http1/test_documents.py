"""Expensive GraphQL documents: refused before validation and execution, or an error, and never a 500."""

import msgspec
import pytest

from tests.hostile.http1.conftest import Victim, ports_of
from tests.producers.test_graphql_limits import doubling

HEAD = (
    b"POST /graphql HTTP/1.1\r\nHost: lab\r\nContent-Type: application/json\r\n"
    b"Accept: application/graphql-response+json\r\nConnection: close\r\n"
)
CREATE = "mutation($i: RecipeInput!) { createRecipe(input: $i) { id } }"


def asking(query: str, **others: object) -> bytes:
    return msgspec.json.encode({"query": query, **others})


BODIES = {
    **{f"fragments that double {n} times": (asking(doubling(n)), "TOO_COMPLEX") for n in (20, 30, 45)},
    "circular fragments": (
        asking("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }"),
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "fields 50 deep": (asking("{ " + "a { " * 50 + "b" + " }" * 51), "TOO_COMPLEX"),
    "fragments 50 deep": (
        asking("{ ...f0 }" + "".join(f" fragment f{n} on Query {{ a {{ ...f{n + 1} }} }}" for n in range(50))),
        "TOO_COMPLEX",
    ),
    "101 aliases": (asking("{ " + " ".join(f"a{n}: pid" for n in range(101)) + " }"), "TOO_COMPLEX"),
    "60 directives": (asking("{ pid" + " @skip(if: false)" * 60 + " }"), "TOO_COMPLEX"),
    "400 fields": (asking("{ " + "pid " * 400 + "}"), "TOO_COMPLEX"),
    "100 operations": (
        asking(" ".join(f"query q{n} {{ pid }}" for n in range(100)), operationName="q1"),
        "TOO_COMPLEX",
    ),
    "pages of pages": (
        asking(
            "{ " + " ".join(f"a{n}: recipes(first: 1000) {{ edges {{ node {{ name }} }} }}" for n in range(99)) + " }"
        ),
        "TOO_COMPLEX",
    ),
    "a literal of 90 kB": (asking('{ recipe(id: "' + "1" * 90_000 + '") { id } }'), "TOO_COMPLEX"),
    "a literal of 1 MB": (asking('{ recipe(id: "' + "1" * 1_000_000 + '") { id } }'), "GRAPHQL_PARSE_FAILED"),
    "a comment of 1 MB": (asking("{ pid } #" + "x" * 1_000_000), "GRAPHQL_PARSE_FAILED"),
    "20,000 nested literals": (
        asking("{ recipe(id: " + "[" * 20_000 + "]" * 20_000 + ") { id } }"),
        "GRAPHQL_PARSE_FAILED",
    ),
    "1,400 nested literals": (asking("{ recipe(id: " + "[" * 1400 + "]" * 1400 + ") { id } }"), "GRAPHQL_PARSE_FAILED"),
    "a variable of 1 MB": (asking(CREATE, variables={"i": {"name": "", "steps": "x" * 1_000_000}}), "BAD_USER_INPUT"),
    "an unknown operation": (asking("{ pid }", operationName="x"), "OPERATION_RESOLUTION_FAILURE"),
    "a batch": (b"[" + b",".join([asking("{ pid }")] * 500) + b"]", "BAD_REQUEST"),
    "a number for a request": (b"1", "BAD_REQUEST"),
    "open brackets": (b"[" * 90_000, "BAD_REQUEST"),
    "bad UTF-8": (b'{"query": "\xff"}', "BAD_REQUEST"),
}


@ports_of("graphql")
@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES)
async def test_an_expensive_document(victim: Victim, body: bytes, expected: str) -> None:
    said = await victim.all_of(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    head, _, content = said.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    errors = msgspec.json.decode(content)["errors"]
    codes = {error["extensions"]["code"] for error in errors}
    victim.answers.append(f"{status} {', '.join(codes)}")
    assert codes == {expected}
    assert status == (200 if expected == "BAD_USER_INPUT" else 400)
    assert len(content) < 10_000, "what is refused is not sent back"
