"""Checks against the JSON contract, and request bodies for tests of the JSON producer."""

from importlib import resources

import jsonschema
import msgspec

from producers.settings import Limits
from tests.support.raw_http import RawAnswer

OPENAPI = msgspec.json.decode(resources.files("protos").joinpath("recipe.openapi.json").read_bytes())
JSON = {"Content-Type": "application/json"}
SMALL = Limits(body_bytes=10_000, body_timeout_s=0.2)
GZIP = {"Accept-Encoding": "gzip"}
GOOD = b'{"name": "x"}'


def fits(schema: str, value: object) -> None:
    """Assert that a value matches the schema of this name in the OpenAPI document."""
    root = {"$ref": f"#/components/schemas/{schema}", "components": OPENAPI["components"]}
    jsonschema.Draft202012Validator(root).validate(value)


def assert_problem(answer: RawAnswer, status: int, error: str, field: str | None = None) -> None:
    """Assert that the response is this error, as the contract describes it."""
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json
    fits("Problem", problem)
    assert (problem["status"], problem["error"], problem.get("field")) == (status, error, field)
    assert "Traceback" not in problem["detail"]
