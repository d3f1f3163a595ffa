"""Third-party programs, and the lab's producers as separate processes for them to call."""

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


def program(name: str) -> str:
    """The path of a program. Skips the test when it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed; .ci/run installs it")
    return found


def run(*command: str, cwd: Path | None = None, exit_code: int = 0, **variables: str) -> str:
    """Run a program to its end in this directory and return its stdout; it must exit with this code."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200", **variables},
        check=False,
    )
    if done.returncode != exit_code:
        pytest.fail(f"{command[0]} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}", pytrace=False)
    return done.stdout


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, with the packages of package-lock.json in this directory."""
    found = program("node")
    if not (HERE / "node_modules").is_dir():
        pytest.skip("the npm packages of tests/interop are not installed; `make interop` installs them")
    return found


@pytest.fixture(scope="session")
def node_script(node: str, own_certificates: CertificateFiles) -> Run:
    """Runs a script of this directory, which trusts the lab's certificate authority."""
    return lambda script, *arguments: run(
        node, str(HERE / script), *arguments, NODE_EXTRA_CA_CERTS=str(own_certificates.ca)
    )


@pytest.fixture(scope="session")
def curl(own_certificates: CertificateFiles) -> Run:
    """Runs curl, which trusts the lab's certificate authority and prints nothing but errors."""
    found = program("curl")
    return lambda *arguments: run(
        found, "--silent", "--show-error", "--max-time", "20", "--cacert", str(own_certificates.ca), *arguments
    )


def serving_both(protocol: str, files: CertificateFiles, *flags: str) -> Iterator[Listening]:
    """A producer of `protocol` as a separate process. Its addresses: the plain one, then the one with TLS."""
    tls = ("--port", "0", "--tls-port", "0", "--cert", str(files.server), "--key", str(files.server_key))
    settings = (*tls, "--gzip", "--recipes", "generated:100", *flags)
    with listening("producers", protocol, *settings, ports=2) as producer:
        yield producer
        assert producer.end() == 0


@pytest.fixture(scope="session")
def http_producer(own_certificates: CertificateFiles) -> Iterator[Listening]:
    yield from serving_both("http", own_certificates)


@pytest.fixture(scope="session")
def graphql_producer(own_certificates: CertificateFiles) -> Iterator[Listening]:
    yield from serving_both("graphql", own_certificates)


@pytest.fixture(scope="session")
def grpc_producer(own_certificates: CertificateFiles) -> Iterator[Listening]:
    yield from serving_both("grpc", own_certificates)


@pytest.fixture(scope="session")
def strict_grpc_producer(own_certificates: CertificateFiles) -> Iterator[Listening]:
    yield from serving_both("grpc", own_certificates, "--strict-calls")


@pytest.fixture(params=[0, 1], ids=["plain", "tls"])
def http_address(request: pytest.FixtureRequest, http_producer: Listening) -> str:
    return http_producer.addresses[int(request.param)]


@pytest.fixture(params=[0, 1], ids=["plain", "tls"])
def graphql_address(request: pytest.FixtureRequest, graphql_producer: Listening) -> str:
    return graphql_producer.addresses[int(request.param)]
