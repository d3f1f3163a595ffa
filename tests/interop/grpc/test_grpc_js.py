"""npm's @grpc/grpc-js with @grpc/proto-loader: its client with the lab's producer, the lab's client with its server."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from consumers.client import ClientSettings
from consumers.errors import OperationUnsupported
from consumers.registry import client
from consumers.target import parse_target
from producers.certificates import CertificateFiles
from recipes.errors import RecipeNotFound
from tests.interop.grpc.conftest import HERE, Run
from tests.support.books import CHICKEN
from tests.support.programs import PATIENCE_S, Listening

CONTRACT = HERE.parents[2] / "protos" / "recipe.proto"
SAMPLE = HERE / "sample.proto"
RECIPE_42 = {
    "id": 42,
    "name": "Chicken Tikka Masala",
    "steps": "Throw it in a pot...",
    "ingredients": [
        {"id": 1, "name": "Chicken", "quantity": "1 lb"},
        {"id": 2, "name": "Sauce", "quantity": "2 cups"},
    ],
}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("proto", [CONTRACT, SAMPLE], ids=["contract", "sample"])
def test_a_grpc_js_client_is_served(
    producer: Listening, run_script: Run, own_certificates: CertificateFiles, proto: Path, tls: bool
) -> None:
    authority = parse_target(producer.addresses[int(tls)]).authority
    ca = (str(own_certificates.ca),) if tls else ()
    answers = msgspec.json.decode(run_script("client.mjs", authority, str(proto), *ca))
    assert answers["recipe"] == RECIPE_42
    assert answers["meta"] == {"pid": producer.process.pid}
    if proto == SAMPLE:
        assert set(answers) == {"recipe", "meta"}
        return
    assert answers["masked"] == {"id": 0, "name": CHICKEN.name, "steps": "", "ingredients": []}
    assert answers["missing"] == {"code": "NOT_FOUND", "text": "no recipe has the id 999999", "details": 1}
    assert answers["late"]["code"] == "DEADLINE_EXCEEDED"
    assert [recipe["id"] for recipe in answers["page"]["recipes"]] == [1, 2, 3]
    assert [recipe["id"] for recipe in answers["next"]["recipes"]] == [4, 5, 6]
    assert [recipe["id"] for recipe in answers["batch"]["recipes"]] == [2, 1, 2]
    assert answers["created"]["name"] == "Crème brûlée"
    assert answers["created"]["ingredients"] == [{"id": 1, "name": "Cream", "quantity": "½ l"}]
    assert (answers["refused"]["code"], answers["refused"]["details"]) == ("INVALID_ARGUMENT", 1)
    assert answers["many"] == 300


@contextmanager
def foreign_server(node: str, *files: str) -> Iterator[tuple[str, int]]:
    """The sample's service on grpc-js: its address and its process id."""
    with subprocess.Popen(
        [node, str(HERE / "server.mjs"), str(SAMPLE), *files], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield server.stdout.readline().split()[1], server.pid
        finally:
            server.stdin.close()
            server.wait(PATIENCE_S)


@pytest.mark.parametrize("gzip", [False, True], ids=["identity", "gzip"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_a_grpc_js_server_is_consumed(
    node: str, own_certificates: CertificateFiles, tls: bool, gzip: bool
) -> None:
    files = (str(own_certificates.server_key), str(own_certificates.server)) if tls else ()
    with foreign_server(node, *files) as (address, pid):
        ca = own_certificates.ca if tls else None
        settings = ClientSettings(target=parse_target(address), gzip=gzip, ca=ca, timeout_s=PATIENCE_S)
        async with client("grpc", settings) as consumer:
            assert await consumer.get(42) == CHICKEN
            assert await consumer.pid() == pid
            assert await consumer.producer_data(42) == {"pid": pid, "recipe": RECIPE_42}
            with pytest.raises(RecipeNotFound):
                await consumer.get(43)
            with pytest.raises(OperationUnsupported):
                await consumer.list()
            with pytest.raises(OperationUnsupported):
                await consumer.get_many([42])
