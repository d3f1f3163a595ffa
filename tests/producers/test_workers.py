"""Workers: every flag reaches them, and the parent handles processes that start or end at a bad moment."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from commands import command_line
from producers import __main__ as program
from producers.certificates import CertificateFiles
from producers.service import Service
from producers.workers import RESTARTS_IN_A_ROW, Workers, service_of

ANNOUNCES = [sys.executable, "-c", "import sys; print('listening x://', flush=True); sys.stdin.read()"]
FAILS = [sys.executable, "-c", "raise SystemExit(3)"]


async def test_a_stop_while_a_worker_is_being_started_ends_that_worker_too(monkeypatch: pytest.MonkeyPatch) -> None:
    create = asyncio.create_subprocess_exec
    started: list[asyncio.subprocess.Process] = []

    async def create_while_stopping(*command: str, **given: Any) -> asyncio.subprocess.Process:
        os.kill(os.getpid(), signal.SIGTERM)
        await workers._stopping.wait()
        started.append(await create(*command, **given))
        return started[-1]

    workers = Workers([ANNOUNCES], ports=1)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", create_while_stopping)
    async with asyncio.timeout(20):
        assert await workers.serve(lambda addresses, pid: None) == 0
    assert [process.returncode for process in started] == [-signal.SIGTERM]


async def test_workers_that_never_listen_are_not_restarted_forever(capfd: pytest.CaptureFixture[str]) -> None:
    async with asyncio.timeout(20):
        assert await Workers([FAILS], ports=1).serve(lambda addresses, pid: None) == 1
    assert capfd.readouterr().err.count("ended with 3") == RESTARTS_IN_A_ROW


FLAGS: dict[str, tuple[str, ...]] = {
    "implementation": ("--implementation", "grpcio-threads"),
    "host": ("--host", "localhost"),
    "port": ("--port", "0"),
    "gzip": ("--gzip",),
    "gzip_level": ("--gzip", "--gzip-level", "9"),
    "tls": ("--tls",),
    "tls_port": ("--tls-port", "0"),
    "cert": ("--tls", "--cert", "client.pem", "--key", "client-key.pem"),
    "key": ("--tls", "--cert", "client.pem", "--key", "client-key.pem"),
    "client_ca": ("--tls", "--client-ca", "ca.pem"),
    "recipes": ("--recipes", "generated:50"),
    "renumber": ("--renumber", "--recipes", "recipes.json"),
    "stop_notice": ("--stop-notice", "0.5"),
    "drain": ("--drain", "0.5"),
    "limit": ("--limit", "body_bytes=9", "--limit", "document.depth=8"),
    "introspection": ("--no-introspection",),
    "suggestions": ("--no-suggestions",),
    "persisted_queries": ("--persisted-queries",),
    "strict_calls": ("--strict-calls",),
    "metrics_port": ("--metrics-port", "9100"),
}
"""Each parameter of the command but `protocol` and `workers`, with a value that is not its default."""

Served = Callable[..., Service]


@pytest.fixture
def served(own_certificates: CertificateFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Served:
    """Run the command; return what one process would serve, without serving it."""
    services: list[Service] = []

    class RecordedWorkers(Workers):
        async def serve(self, on_listening: Callable[[list[str], int], None]) -> int:
            services.append(service_of(self.commands[0][-1]))
            return 0

    monkeypatch.setattr(program, "Workers", RecordedWorkers)
    monkeypatch.setattr(program, "serve_alone", services.append)
    files = ("--cert", str(own_certificates.server), "--key", str(own_certificates.server_key))
    directories = {".pem": own_certificates.directory, ".json": tmp_path}
    (tmp_path / "recipes.json").write_text('[{"id": 7, "name": "Soup"}]')

    def run(protocol: str, flags: Sequence[str], workers: int) -> Service:
        paths = [
            str(directories[suffix] / flag) if (suffix := Path(flag).suffix) in directories else flag for flag in flags
        ]
        # The last value of a repeated flag counts. Without TLS, certificates are refused.
        given = files if {"--tls", "--tls-port"} & set(flags) else ()
        arguments = [protocol, "--port", "0", *given, *paths, "--workers", str(workers)]
        assert command_line.run(program.app, "producers", arguments) == 0
        return services.pop()

    return run


def test_every_flag_of_the_command_is_tested() -> None:
    names = {parameter.name for parameter in typer.main.get_command(program.app).params}
    assert names == {"protocol", "workers", *FLAGS}


@pytest.mark.parametrize("flag", FLAGS)
def test_every_flag_reaches_a_worker(flag: str, served: Served) -> None:
    protocol = {"strict_calls": "grpc", "implementation": "grpc"}.get(flag, "graphql")
    alone = served(protocol, FLAGS[flag], workers=1)
    if flag != "port":
        assert alone != served(protocol, (), workers=1)
    worker = served(protocol, FLAGS[flag], workers=2)
    ports = [port for port in (worker.settings.port, worker.settings.tls_port) if port is not None]
    assert 0 not in ports
    settings = replace(worker.settings, share_port=False)
    settings = replace(
        settings,
        port=None if settings.port is None else 0,
        tls_port=None if settings.tls_port is None else 0,
    )
    assert replace(worker, settings=settings) == alone
