"""The benchmark of fronts with known delays: what counts as found, and a front that forwards."""

import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from bench.results import Estimate
from bench.runner.front import free_port
from benchmarks.delaying_front import HOST
from benchmarks.hop_delays import AGAIN, DELAYED, is_right, microseconds


@pytest.mark.parametrize(
    ("name", "found", "right"),
    [
        (DELAYED, Estimate(value=271e3), True),
        (DELAYED, Estimate(value=331e3), False),
        (DELAYED, None, False),
        (AGAIN, Estimate(value=40e3, low=-1e3, high=81e3), True),
        (AGAIN, Estimate(value=29e3, low=20e3, high=38e3), True),
        (AGAIN, Estimate(value=40e3, low=20e3, high=60e3), False),
    ],
)
def test_what_counts_as_found(name: str, found: Estimate | None, right: bool) -> None:
    assert is_right(name, found) is right


def test_values_are_shown_with_their_intervals() -> None:
    assert microseconds(Estimate(value=301e3, low=298e3, high=305e3)) == "+301.0 (+298.0 to +305.0)"
    assert microseconds(None) == "no result"


def test_the_delaying_front_forwards_both_ways(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as producer:
        port = free_port()
        plan = tmp_path / "plan"
        plan.write_text(f"{port} {HOST}:{producer.getsockname()[1]} 1000", encoding="ascii")
        with subprocess.Popen([sys.executable, "-m", "benchmarks.delaying_front", str(plan)]) as process:
            try:
                client = None
                while client is None:
                    assert process.poll() is None
                    with suppress(OSError):
                        client = socket.create_connection((HOST, port))
                with client, producer.accept()[0] as server:
                    client.sendall(b"request")
                    assert server.recv(100) == b"request"
                    server.sendall(b"response")
                    assert client.recv(100) == b"response"
                    client.shutdown(socket.SHUT_WR)
                    assert server.recv(100) == b""
            finally:
                process.kill()
