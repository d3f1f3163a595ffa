"""Fast servers with one small response: nginx for HTTP/1.1, nghttpd for HTTP/2, one process each."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.machine import this_process_on

HOST = "127.0.0.1"
PATH = "recipes/1"
ANSWER = (
    b'{"producer_pid":1,"recipe":{"id":1,"name":"Soup","steps":"Boil the water, add what is there, and wait.",'
    b'"ingredients":[{"id":1,"name":"water","quantity":"1 l"},{"id":2,"name":"what is there","quantity":""}]}}'
)
START_S = 10.0


class ServerMissing(Exception):
    """The server cannot be used here. The text says why."""


@dataclass(frozen=True, slots=True)
class TrivialServer:
    """A server that listens."""

    name: str
    port: int
    pid: int


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def nginx(directory: Path, cores: Sequence[int]) -> Iterator[TrivialServer]:
    """HTTP/1.1: ANSWER to every request. Raises ServerMissing."""
    port = free_port()
    configuration = directory / "nginx.conf"
    temporary = "".join(
        f"{kind}_temp_path {directory / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration.write_text(
        f"daemon off; master_process off; pid {directory / 'pid'}; error_log stderr crit;"
        "events { worker_connections 1024; }"
        f"http {{ access_log off; keepalive_requests 1000000000; {temporary}"
        f"server {{ listen {HOST}:{port}; location / {{ default_type application/json;"
        f" return 200 '{ANSWER.decode()}'; }} }} }}"
    )
    with _running("nginx", ["-c", str(configuration), "-p", str(directory), "-e", "stderr"], port, cores) as server:
        yield server


@contextmanager
def nghttpd(directory: Path, cores: Sequence[int]) -> Iterator[TrivialServer]:
    """HTTP/2 without TLS: ANSWER at PATH, from a file. Raises ServerMissing."""
    port = free_port()
    file = directory / PATH
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(ANSWER)
    arguments = ["--no-tls", f"--address={HOST}", f"--htdocs={directory}", "--workers=1", str(port)]
    with _running("nghttpd", arguments, port, cores) as server:
        yield server


ServerStart = Callable[[Path, Sequence[int]], AbstractContextManager[TrivialServer]]


@contextmanager
def _running(name: str, arguments: Sequence[str], port: int, cores: Sequence[int]) -> Iterator[TrivialServer]:
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise ServerMissing(f"{name} is not installed")
    with this_process_on(cores):
        process = subprocess.Popen(
            [program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
    try:
        _wait_for(name, process, port)
        yield TrivialServer(name, port, process.pid)
    finally:
        process.terminate()
        process.communicate()


def _wait_for(name: str, process: "subprocess.Popen[bytes]", port: int) -> None:
    gives_up = time.monotonic() + START_S
    while time.monotonic() < gives_up:
        if process.poll() is not None:
            _, said = process.communicate()
            raise ServerMissing(f"{name} ended: {said.decode(errors='replace').strip().splitlines()[-1:]}")
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise ServerMissing(f"{name} does not listen")
