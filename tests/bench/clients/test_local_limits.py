"""Requests that fail because this machine has no port or descriptor left say so, whatever the client library."""

import subprocess
import sys

import pytest

from consumers import causes
from tests.support.programs import PATIENCE_S, environment, run

PROGRAM = "tests.support.few_resources"
NAMESPACE = ("unshare", "--user", "--map-root-user", "--net")


def namespaces_are_allowed() -> bool:
    try:
        return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not namespaces_are_allowed(), reason="this user may not make network namespaces (unshare)")
@pytest.mark.parametrize(
    ("protocol", "client"), [("http", "library"), ("http", "raw"), ("graphql", "library"), ("grpc", "library")]
)
def test_no_local_port_is_left(protocol: str, client: str) -> None:
    command = [*NAMESPACE, sys.executable, "-m", PROGRAM, protocol, client, "--ports", "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, env=environment(), check=False)
    assert (done.stdout.splitlines(), done.returncode) == ([causes.NO_PORT_LEFT], 0), done.stderr


@pytest.mark.parametrize("client", ["library", "raw"])
def test_no_descriptor_is_left(client: str) -> None:
    done = run(PROGRAM, "http", client, "--files", "20")
    assert causes.NO_DESCRIPTOR_LEFT in done.stdout.splitlines(), done.stderr
