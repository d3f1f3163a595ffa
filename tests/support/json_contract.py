"""What the JSON contract says of an answer, and what tests of the JSON producer send."""

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
    """Whether a value is what the OpenAPI document calls by this name."""
    root = {"$ref": f"#/components/schemas/{schema}", "components": OPENAPI["components"]}
    jsonschema.Draft202012Validator(root).validate(value)


def assert_problem(answer: RawAnswer, status: int, error: str, field: str | None = None) -> None:
    """Assert that the answer is a refusal as the contract has it."""
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json
    fits("Problem", problem)
    assert (problem["status"], problem["error"], problem.get("field")) == (status, error, field)
    assert "Traceback" not in problem["detail"]
