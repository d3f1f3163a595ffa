"""The smallest services of docs/own-services.md answer the consumers and are measured by the bench."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from consumers.client import ClientSettings
from consumers.registry import client
from consumers.target import parse_target
from recipes import sources
from recipes.errors import RecipeNotFound
from tests.interop.conftest import program
from tests.support.programs import run

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "node"
PROTOCOLS = ("http", "graphql", "grpc")


@contextmanager
def serving(protocol: str) -> Iterator[str]:
    """The address of a running service."""
    node = program("node")
    if not (EXAMPLES / "node_modules").is_dir():
        pytest.skip("the npm packages of docs/examples/node are not installed; `make interop` installs them")
    command = [node, str(EXAMPLES / f"{protocol}.mjs"), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        try:
            found = re.fullmatch(r"listening (\S+)\n", service.stdout.readline())
            assert found is not None
            yield found[1]
        finally:
            service.kill()


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_service_answers_with_its_recipes(protocol: str) -> None:
    with serving(protocol) as address:
        async with client(protocol, ClientSettings(target=parse_target(address))) as consumer:
            for recipe in sources.load(str(EXAMPLES / "recipes.json")).recipes:
                assert await consumer.get(recipe.id) == recipe
            with pytest.raises(RecipeNotFound):
                await consumer.get(43)


def test_the_three_are_measured(tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    with ExitStack() as stack:
        addresses = {protocol: stack.enter_context(serving(protocol)) for protocol in PROTOCOLS}
        targets = [f"--target={protocol}={address}" for protocol, address in addresses.items()]
        asked = ("--recipes", str(EXAMPLES / "recipes.json"), "--workload", "get", "--client", "library,raw")
        little = ("--gzip", "off", "--concurrency", "1", "--rounds", "2", "--slice-ms", "2")
        done = run("bench", "run", *asked, *little, *targets, "--out", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    cells = json.loads(out.read_bytes())["cells"]
    assert [cell["protocol"] for cell in cells] == [protocol for protocol in PROTOCOLS for _ in range(2)]
    assert {cell["status"] for cell in cells} == {"measured"}
