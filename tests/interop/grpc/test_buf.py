"""buf, which gets the contract from the producer by reflection, and which compares contracts."""

from pathlib import Path

import msgspec
import pytest

from consumers.target import parse_target
from producers.certificates import CertificateFiles
from tests.interop.grpc.conftest import HERE, Run
from tests.support.books import CHICKEN
from tests.support.programs import Listening

CONTRACT = HERE.parents[2] / "protos" / "recipe.proto"


@pytest.fixture(params=[0, 1], ids=["plain", "tls"])
def curl(request: pytest.FixtureRequest, producer: Listening, buf: Run, own_certificates: CertificateFiles) -> Run:
    """Calls a method of the producer: its name, and the request as JSON."""
    target = parse_target(producer.addresses[int(request.param)])
    transport = ("--cacert", str(own_certificates.ca)) if target.tls else ("--http2-prior-knowledge",)
    url = f"{'https' if target.tls else 'http'}://{target.authority}"
    return lambda method, data: buf("curl", "--protocol", "grpc", *transport, "--data", data, f"{url}/{method}")


def test_buf_calls_by_reflection(curl: Run, producer: Listening) -> None:
    recipe = msgspec.json.decode(curl("recipe.RecipeService/GetRecipe", '{"id": 42}'))
    assert recipe["name"] == CHICKEN.name
    assert recipe["ingredients"][1] == {"id": 2, "name": "Sauce", "quantity": "2 cups"}
    masked = msgspec.json.decode(curl("recipe.RecipeService/GetRecipe", '{"id": 42, "readMask": "name,steps"}'))
    assert set(masked) == {"name", "steps"}
    meta = msgspec.json.decode(curl("recipe.RecipeService/GetMetaData", "{}"))
    assert meta == {"pid": producer.process.pid}


def test_buf_reads_error_details(curl: Run) -> None:
    error = msgspec.json.decode(curl("recipe.RecipeService/ListRecipes", '{"pageSize": -1}'))
    assert error["code"] == "invalid_argument"
    assert [detail["type"] for detail in error["details"]] == ["google.rpc.ErrorInfo", "google.rpc.BadRequest"]


def test_buf_checks_health(curl: Run) -> None:
    for service in ("", "recipe.RecipeService"):
        answer = msgspec.json.decode(curl("grpc.health.v1.Health/Check", f'{{"service": "{service}"}}'))
        assert answer == {"status": "SERVING"}


def test_the_contract_is_compatible_with_the_node_sample(buf: Run, tmp_path: Path) -> None:
    """On the wire and in JSON. The tool reports a change that is not."""
    rules = '{"version": "v2", "breaking": {"use": ["WIRE_JSON"]}}'
    against = ("--against", str(HERE / "sample.proto"), "--config", rules)
    assert buf("breaking", str(CONTRACT), *against) == ""
    broken = tmp_path / "recipe.proto"
    broken.write_text(CONTRACT.read_text(encoding="utf-8").replace("string steps = 3;", "bytes steps = 3;"))
    assert 'Field "3"' in buf("breaking", str(broken), *against)
