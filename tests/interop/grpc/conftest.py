"""The lab's gRPC producer as a separate process, and the third-party clients and servers."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from producers.certificates import CertificateFiles
from tests.support.programs import PATIENCE_S, Listening, listening

HERE = Path(__file__).parent

Run = Callable[..., str]
"""Runs a program with arguments to its end, and returns its stdout."""


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, with the packages of package-lock.json in this directory."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not installed; .ci/run installs it")
    if not (HERE / "node_modules").is_dir():
        pytest.skip("the npm packages of tests/interop/grpc are not installed; `make interop` installs them")
    return found


@pytest.fixture(scope="session")
def run_script(node: str) -> Run:
    """Runs a script of this directory."""

    def run(script: str, *arguments: str) -> str:
        done = subprocess.run(
            [node, str(HERE / script), *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def buf(node: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs buf, with its own home directory."""
    home = str(tmp_path_factory.mktemp("buf"))

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [node, str(HERE / "node_modules" / ".bin" / "buf"), *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env={**os.environ, "HOME": home, "XDG_CACHE_HOME": home},
            check=False,
        )
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="session", params=[(), ("--strict-calls",)], ids=["core", "strict"])
def producer(own_certificates: CertificateFiles, request: pytest.FixtureRequest) -> Iterator[Listening]:
    tls = ("--tls-port", "0", "--cert", str(own_certificates.server), "--key", str(own_certificates.server_key))
    with listening(
        "producers", "grpc", "--port", "0", *tls, "--gzip", "--recipes", "generated:100", *request.param, ports=2
    ) as running:
        yield running
        assert running.end() == 0
