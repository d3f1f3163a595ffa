"""The h2load client: its log, its command, a program that fails, and the program itself where it is installed."""

import os
import shutil
import stat
import sys
from itertools import cycle
from pathlib import Path
from textwrap import dedent

import pytest

from bench.clients import h2load as module
from bench.clients.base import ProgramFailed, ProgramSlice
from bench.clients.h2load import BadLog, H2loadClient, LoggedRequest, read_log, slice_of
from bench.clients.registry import why_unusable
from bench.load.recorder import kind_of
from bench.workloads import GetQuestion
from consumers.errors import ProducerUnreachable, UnexpectedResponse
from producers import certificates
from producers.registry import PRODUCERS
from producers.settings import CallLimits, Limits
from tests.support.books import small_book
from tests.support.serving import Served, serving


def test_a_log_becomes_latencies_and_outcomes() -> None:
    logged = read_log("1000\t200\t10\n1005\t201\t40\textra\n1010\t500\t5\n1020\t-1\t0\n")
    assert logged[0] == LoggedRequest(1000, 200, 10)
    found = slice_of(logged, "", 1)
    assert found.duration_ns == 45_000
    assert found.latency_ns == [10_000, 40_000]
    assert [type(failure) for failure in found.failures] == [UnexpectedResponse, ProducerUnreachable]


def test_without_a_log_a_slice_has_the_requested_duration() -> None:
    found = slice_of([], "", 7)
    assert (found.duration_ns, found.latency_ns) == (7, [])
    (failure,) = found.failures
    assert isinstance(failure, ProgramFailed)


@pytest.mark.parametrize("text", ["abc", "1\t2", "1\t2\tx", "\n"])
def test_text_that_is_not_a_log_is_an_error(text: str) -> None:
    with pytest.raises(BadLog, match="cannot be read"):
        read_log(text)


def test_h2load_must_be_installed_and_has_no_open_loop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "is not installed" in (why_unusable("h2load", open_loop=False, new_connections=False) or "")
    assert "leave --rate out" in (why_unusable("h2load", open_loop=True, new_connections=False) or "")
    fake_program(tmp_path, "")
    assert why_unusable("h2load", open_loop=False, new_connections=False) is None
    for name in ("raw", "h2load"):
        assert "leave --connection new out" in (why_unusable(name, open_loop=False, new_connections=True) or "")
    assert why_unusable("raw", open_loop=True, new_connections=False) is None
    assert why_unusable("library", open_loop=True, new_connections=True) is None


def fake_program(directory: Path, script: str) -> None:
    """A fake program of that name, first in the PATH."""
    path = directory / "h2load"
    path.write_text(
        f"#!{sys.executable}\nimport sys\nlog = next((a[11:] for a in sys.argv if a[:11] == '--log-file='), '')\n"
    )
    with path.open("a") as file:
        file.write(dedent(script))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


async def run_fake(
    monkeypatch: pytest.MonkeyPatch,
    directory: Path,
    script: str,
    protocol: str = "http",
    in_flight: int = 3,
    limits: Limits | None = None,
) -> ProgramSlice:
    fake_program(directory, script)
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")
    async with serving(protocol, small_book(), limits=limits) as served:
        return await run_slice(served, in_flight, 1)


async def run_slice(served: Served, in_flight: int, duration_ns: int) -> ProgramSlice:
    client = H2loadClient(served.protocol, served.client_settings)
    await client.open()
    try:
        requests = client.requests([GetQuestion(i, None) for i in range(1, 10)])
        for request in requests:
            await client.verify(request)
        assert (await client.consumer.get(1)).id == 1
        before_ns = client.cpu_ns()
        found = await client.run_slice(cycle(requests), in_flight=in_flight, duration_ns=duration_ns)
        assert found.duration_ns > 0
        assert client.cpu_ns() >= before_ns
        return found
    finally:
        await client.close()


KEEPS_ITS_COMMAND = """
    from pathlib import Path
    Path(log).write_text("1\\t200\\t9\\n")
    said = Path(__file__).with_name("said")
    said.write_text("\\n".join(sys.argv[1:]))
    for argument in sys.argv[1:]:
        name, _, value = argument.partition("=")
        if name in ("--input-file", "--data"):
            said.with_name("given").write_bytes(Path(value).read_bytes())
"""


@pytest.mark.parametrize(("protocol", "multiplexes"), [("http", False), ("graphql", False), ("grpc", True)])
async def test_the_command_line_of_the_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, protocol: str, multiplexes: bool
) -> None:
    found = await run_fake(monkeypatch, tmp_path, KEEPS_ITS_COMMAND, protocol)
    assert found.failures == []
    assert found.latency_ns == [9000]
    said = (tmp_path / "said").read_text().splitlines()
    assert ("--h1" in said) is not multiplexes
    assert f"--clients={1 if multiplexes else 3}" in said
    assert f"--max-concurrent-streams={3 if multiplexes else 1}" in said
    assert "--duration=200ms" in said
    given = (tmp_path / "given").read_bytes()
    if protocol == "http":
        assert len(given.splitlines()) == module.URIS_AT_MOST
        assert given.splitlines()[0].endswith(b"/recipes/1")
    else:
        assert given
        assert said[-1].startswith("http://127.0.0.1:")
        assert any(line.startswith(("--header=content-type: ", "--header=Content-Type: ")) for line in said)
    assert not any("ontent-length" in line.lower() for line in said)


async def test_the_program_sends_no_more_than_the_producer_allows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Otherwise those that it sends before it has read the producer's SETTINGS would be refused."""
    await run_fake(monkeypatch, tmp_path, KEEPS_ITS_COMMAND, "grpc", limits=Limits(calls=CallLimits(streams=2)))
    assert "--max-concurrent-streams=2" in (tmp_path / "said").read_text().splitlines()


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("sys.exit('could not connect')", "h2load ended with 1: could not connect"),
        ("", "h2load measured nothing"),
        ("open(log, 'w').write('nonsense')", "cannot be read"),
        ("open(log, 'w').write('1\\t200\\t9\\n'); sys.exit(3)", "h2load ended with 3"),
        ("import time; time.sleep(100)", "h2load did not end"),
    ],
)
async def test_a_program_that_fails_is_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, text: str
) -> None:
    monkeypatch.setattr(module, "STOP_S", -10.0 if "sleep" in script else 30.0)
    found = await run_fake(monkeypatch, tmp_path, script)
    (failure,) = found.failures
    assert isinstance(failure, ProgramFailed)
    assert kind_of(failure) == "client_error"
    assert text in str(failure)


@pytest.mark.skipif(shutil.which("h2load") is None, reason="h2load is not installed")
@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("protocol", PRODUCERS)
async def test_h2load_measures_a_producer(protocol: str, tls: bool, tmp_path: Path) -> None:
    files = certificates.write(tmp_path) if tls else None
    async with serving(protocol, small_book(), certificates=files) as served:
        for duration_ns in (100_000_000, 3_000_000_000, 30_000_000_000):
            found = await run_slice(served, 3, duration_ns)
            # On a machine that has much else to do, the first answer may take longer than that. When the connection
            # itself does, the program (1.52) forgets to end.
            if not {"h2load measured nothing", "h2load did not end"} & set(map(str, found.failures)):
                break
    assert found.failures == []
    assert len(found.latency_ns) > 0
