"""The small Node.js services of benchmarks/node_services.py answer the lab's consumers, and end with their stdin."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from benchmarks.node_services import SERVICES, service_command
from consumers.client import ClientSettings
from consumers.registry import client
from consumers.target import parse_target
from tests.interop.conftest import program
from tests.support.books import CHICKEN, UNICODE
from tests.support.programs import PATIENCE_S


@contextmanager
def running(command: list[str]) -> Iterator[str]:
    """The address of a running service, which has to end with its stdin."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdin is not None
        assert service.stdout is not None
        try:
            word, address, _ = service.stdout.readline().split()
            assert word == "listening"
            yield address
            service.stdin.close()
            assert service.wait(PATIENCE_S) == 0
        finally:
            service.kill()


@pytest.mark.parametrize("protocol", SERVICES)
async def test_a_service_answers_with_the_recipes_of_its_file(protocol: str, tmp_path: Path) -> None:
    node = program("node")
    if not (SERVICES[protocol][0].parent / "node_modules").is_dir():
        pytest.skip("the npm packages of tests/interop are not installed; `make interop` installs them")
    recipes = tmp_path / "recipes.json"
    recipes.write_bytes(msgspec.json.encode([CHICKEN, UNICODE]))
    with running(service_command(node, protocol, recipes)) as address:
        async with client(protocol, ClientSettings(target=parse_target(address))) as consumer:
            assert await consumer.get(CHICKEN.id) == CHICKEN
            assert await consumer.get(UNICODE.id) == UNICODE
