"""`python -m producers`, run as a user runs it: output, serving, shutdown, one-line errors."""

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from consumers.client import ClientSettings
from consumers.errors import ProducerUnreachable
from consumers.registry import client
from consumers.target import parse_target
from producers import certificates
from producers.lifecycle import STOP_WITH_STDIN
from producers.registry import PRODUCERS
from protos import recipe_pb2 as messages
from protos.recipe_pb2_grpc import RecipeServiceStub
from recipes.errors import BookIsReadOnly
from recipes.model import Recipe, RecipeDraft
from tests.support.programs import PATIENCE_S, assert_one_line_error, environment, listening, run, run_here
from tests.support.raw_http import request
from tests.support.raw_http2 import raw_http2

PROTOCOLS = tuple(PRODUCERS)
ONE_OF_EACH_SERVER = ("http", "grpc")
"""GraphQL is served by what serves HTTP. Workers of it are shown where its flags have to reach them."""


async def fetch(protocol: str, address: str, ca: Path | None = None, recipe_id: int = 42) -> Recipe:
    async with client(protocol, ClientSettings(target=parse_target(address), ca=ca)) as consumer:
        return await consumer.get(recipe_id)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_producer_serves_plain_and_tls_and_stops_cleanly(
    protocol: str, own_certificates: certificates.CertificateFiles
) -> None:
    flags = (
        "--port",
        "0",
        "--tls-port",
        "0",
        "--cert",
        str(own_certificates.server),
        "--key",
        str(own_certificates.server_key),
    )
    with listening("producers", protocol, *flags, "--gzip", ports=2) as producer:
        plain, tls = producer.addresses
        assert all(line.endswith(f"pid={producer.process.pid}") for line in producer.lines)
        assert parse_target(tls).tls
        assert (await fetch(protocol, plain)).name == "Chicken Tikka Masala"
        assert await fetch(protocol, tls, own_certificates.ca) == await fetch(protocol, plain)
        assert producer.end() == 0
        assert producer.process.stderr is not None
        assert producer.process.stderr.read() == ""


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_producer_can_serve_tls_only(protocol: str, own_certificates: certificates.CertificateFiles) -> None:
    flags = ("--port", "0", "--tls", "--cert", str(own_certificates.server), "--key", str(own_certificates.server_key))
    with listening("producers", protocol, *flags) as producer:
        assert parse_target(producer.addresses[0]).tls
        assert (await fetch(protocol, producer.addresses[0], own_certificates.ca)).id == 42
        producer.process.send_signal(signal.SIGINT)
        assert producer.process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_busy_port_is_refused_in_one_line(protocol: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_one_line_error(run("producers", protocol, "--port", port), 2, port)


def test_a_busy_port_is_refused_before_workers_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_one_line_error(run("producers", "grpc", "--port", port, "--workers", "2"), 2, port)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("soap",), "'soap'"),
        (("grpc", "--port", "x"), "'x'"),
        (("grpc", "--recipes", "/nowhere.json"), "/nowhere.json"),
        (("grpc", "--tls", "--cert", "/nowhere.pem"), "/nowhere.pem"),
        (("grpc", "--tls", "--tls-port", "1"), "--tls-port"),
        (("grpc", "--client-ca", "ca.pem"), "--client-ca"),
        (("grpc", "--drain", "soon"), "'soon'"),
        (("grpc", "--stop-notice", "-1"), "'-1'"),
        (("grpc", "--workers", "0"), "'0'"),
        (("grpc", "--gzip-level", "10"), "'10'"),
        (("grpc", "--gzip", "--gzip-level", "9", "--port", "0"), "9"),
    ],
)
def test_bad_usage_is_a_one_line_error(arguments: tuple[str, ...], named: str) -> None:
    assert_one_line_error(run_here("producers", *arguments), 2, named)


def test_environment_variables_set_flags_and_flags_override_them() -> None:
    with listening("producers", "grpc", "--port", "0", PORT="1", HOST="localhost", RECIPES="generated:42") as producer:
        assert producer.addresses[0].startswith("grpc://localhost:")
        assert asyncio.run(fetch("grpc", producer.addresses[0])).id == 42


@pytest.mark.parametrize("protocol", ONE_OF_EACH_SERVER)
async def test_workers_share_a_port_and_are_replaced(protocol: str) -> None:
    with listening("producers", protocol, "--port", "0", "--workers", "2", "--recipes", "generated:50") as producer:
        address = producer.addresses[0]
        settings = ClientSettings(target=parse_target(address), timeout_s=10)
        async with client(protocol, settings) as consumer:
            with pytest.raises(BookIsReadOnly):
                await consumer.create(RecipeDraft("new"))
            pid = await consumer.pid()
        assert pid != producer.process.pid
        os.kill(pid, signal.SIGKILL)
        replaced = False
        for _ in range(500):
            try:
                async with client(protocol, settings) as consumer:
                    replaced = await consumer.pid() != pid
            except ProducerUnreachable:
                continue
            if replaced:
                break
        assert replaced
        assert producer.end() == 0
    with pytest.raises(ProducerUnreachable):
        await fetch(protocol, address)


@pytest.mark.parametrize("protocol", ONE_OF_EACH_SERVER)
def test_a_stop_during_the_start_ends_it_with_one_line(protocol: str, tmp_path: Path) -> None:
    """The stop arrives while the producer reads its recipes from a pipe into which nothing is written."""
    pipe = tmp_path / "recipes.json"
    os.mkfifo(pipe)
    with subprocess.Popen(
        [sys.executable, "-m", "producers", protocol, "--port", "0", "--recipes", str(pipe)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as producer:
        with opened_by_its_reader(pipe, producer):
            producer.terminate()
            assert producer.wait(PATIENCE_S) == 130
        assert producer.communicate() == ("", "python -m producers: interrupted\n")


@contextmanager
def opened_by_its_reader(pipe: Path, reader: "subprocess.Popen[str]") -> Iterator[None]:
    """Hold the writing end of a pipe open, from when its reader has opened it."""
    held = None
    while held is None:
        assert reader.poll() is None, reader.communicate()
        try:
            held = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            # The pipe has no reader yet.
            if error.errno != errno.ENXIO:
                raise
            time.sleep(0.01)
    try:
        yield
    finally:
        os.close(held)


@pytest.mark.parametrize("protocol", ONE_OF_EACH_SERVER)
def test_a_certificate_that_expires_soon_gives_a_warning(protocol: str, tmp_path: Path) -> None:
    made = datetime.now(UTC) - timedelta(days=certificates.LIFE_DAYS - 3)
    files = certificates.write(tmp_path, now=made)
    flags = ("--port", "0", "--tls", "--cert", str(files.server), "--key", str(files.server_key))
    with listening("producers", protocol, *flags, "--recipes", "generated:50") as producer:
        assert producer.end() == 0
        assert producer.process.stderr is not None
        (warning,) = producer.process.stderr.read().splitlines()
    assert f"certificate {files.server} expires at " in warning
    assert "replace it" in warning


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_second_signal_ends_everything_at_once(workers: str, tmp_path: Path) -> None:
    flags = ("--port", "0", "--workers", workers, "--stop-notice", "3600", "--strict-calls")
    with listening("producers", "grpc", *flags, TMPDIR=str(tmp_path)) as producer:
        everyone = [psutil.Process(producer.process.pid)]
        everyone += everyone[0].children()
        assert len(everyone) == (1 if workers == "1" else 3)
        producer.process.terminate()
        asyncio.run(turned_to_not_serving(producer.addresses[0]))
        producer.process.terminate()
        assert producer.process.wait(PATIENCE_S) == 1
        assert psutil.wait_procs(everyone, PATIENCE_S)[1] == []
    assert list(tmp_path.iterdir()) == []


async def turned_to_not_serving(address: str) -> None:
    """Wait until a process at this address reports that it is stopping."""
    async with grpc.aio.insecure_channel(address.removeprefix("grpc://")) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        async for answer in health.Watch(health_pb2.HealthCheckRequest()):
            if answer.status == health_pb2.HealthCheckResponse.NOT_SERVING:
                break
        assert (await RecipeServiceStub(channel).GetRecipe(messages.RecipeRequest(id=42))).id == 42


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_child_does_not_outlive_the_parent_that_holds_its_stdin(workers: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "producers", "grpc", "--port", "0", "--workers", workers],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(**{STOP_WITH_STDIN: "1"}),
    ) as producer:
        assert producer.stdin is not None
        assert producer.stdout is not None
        assert producer.stdout.readline().startswith(b"listening")
        producer.stdin.close()
        assert producer.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("flag", ["--no-introspection", "--no-suggestions", "--persisted-queries"])
@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_graphql_flags_are_refused_for_other_protocols(protocol: str, flag: str) -> None:
    assert_one_line_error(run_here("producers", protocol, flag, "--port", "0"), 2, flag, protocol)


@pytest.mark.parametrize("protocol", ["http", "graphql"])
def test_strict_calls_are_refused_for_other_protocols(protocol: str) -> None:
    assert_one_line_error(
        run_here("producers", protocol, "--strict-calls", "--port", "0"), 2, "--strict-calls", protocol
    )


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_strict_calls_reach_every_serving_process(workers: str) -> None:
    flags = ("--strict-calls", "--workers", workers)
    with listening("producers", "grpc", "--port", "0", "--recipes", "generated:50", *flags) as producer:
        async with raw_http2(producer.addresses[0]) as connection:
            await connection.greet()
            frame = connection.call("/recipe.RecipeService/GetRecipe", content_type="text/html", end=True)
            await connection.send(frame)
            assert (await connection.answer(frame.stream_id)).headers == {":status": "415"}
        assert producer.end() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_graphql_flags_reach_every_serving_process(workers: str) -> None:
    flags = ("--no-introspection", "--no-suggestions", "--persisted-queries", "--workers", workers)
    with listening("producers", "graphql", "--port", "0", "--recipes", "generated:50", *flags) as producer:
        headers = {"Content-Type": "application/json"}
        address = producer.addresses[0]
        messages = {}
        for name, sent in {
            "introspection": b'{"query": "{ __schema { queryType { name } } }"}',
            "suggestions": b'{"query": "{ recip(id: 42) { id } }"}',
            "persisted": b'{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "' + b"0" * 64 + b'"}}}',
        }.items():
            messages[name] = (await request(address, "POST", "/graphql", headers, sent)).json["errors"][0]["message"]
        assert "introspection" in messages["introspection"]
        assert "Did you mean" not in messages["suggestions"]
        assert messages["persisted"] == "PersistedQueryNotFound"
        assert producer.end() == 0
