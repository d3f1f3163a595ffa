"""`bench slo` from end to end: real producers of known capacity, and one-line errors for invalid flags."""

import math
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bench import run_file
from bench.cli.slo import in_words, rate_of, slo, table
from bench.front_programs import program_of
from bench.load_models import OpenLoad
from bench.runner.session import RunningProducer, Session
from bench.runner.slo import Found
from bench.runner.slo_search import CONFIRMATIONS, parse
from bench.spec import CellKey
from bench.stats.cores import CoresUsed
from commands import command_line
from tests.support import measuring
from tests.support.fronts import installed

CAPACITY_HZ = 200.0
ONE_AT_A_TIME = ("--delay-ms", "5", "--one-at-a-time")

TWO = CoresUsed(1, front=False)
"""One core for producers, and one for the load."""


def run(*arguments: str) -> int:
    app = command_line.application("")
    app.command()(slo)
    return command_line.run(app, "bench slo", ["--recipes", measuring.RECIPES, *arguments])


@pytest.fixture
def known_producers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Sequence[str]]:
    """Start producers of this behaviour instead of the lab's own, by protocol, and use short probes, not so many.

    How a bracket becomes narrow is shown without producers.
    """
    behaviour: dict[str, Sequence[str]] = {}

    async def start(session: Session, protocol: str, **_: object) -> RunningProducer:
        return await measuring.start_known(session, protocol, behaviour[protocol])

    monkeypatch.setattr(Session, "start_producer", start)
    monkeypatch.setattr("bench.runner.slo.SHORTEST_NS", 200_000_000)
    monkeypatch.setattr("bench.runner.slo.LONGEST_NS", 500_000_000)
    monkeypatch.setattr("bench.runner.slo.WARM_UP_NS", 50_000_000)
    monkeypatch.setattr("bench.runner.slo_search.PRECISION", 1.2)
    return behaviour


def test_the_rate_found_is_below_the_capacity(
    known_producers: dict[str, Sequence[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    known_producers["http"] = ONE_AT_A_TIME
    path = tmp_path / "slo.json"
    assert run("--protocol", "http", "--slo", "p50<60ms", "--out", str(path)) == 0
    said = capsys.readouterr().out
    assert "Highest requests/s on one server core with p50<60ms" in " ".join(said.split())
    assert "http-get: " in said
    found = run_file.read(path)
    (cell,) = found.cells
    assert cell.load is not None
    assert isinstance(cell.load, OpenLoad)
    # A queue whose length is bounded by the objective can be outrun by no more than that in so short a probe.
    assert cell.load.rate_hz < CAPACITY_HZ * 1.5
    # Met twice; a probe that the machine disturbed is repeated once.
    assert len(cell.slices.ok) >= 1 + CONFIRMATIONS
    assert cell.status == "measured"
    assert cell.latency_ns is not None
    assert cell.latency_ns.p50 is not None
    assert 5e6 <= cell.latency_ns.p50.value < 60e6


@pytest.fixture
def two_cores() -> Iterator[None]:
    """Let this process and its children use two CPUs at most."""
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(usable)[:2])
    yield
    os.sched_setaffinity(0, usable)


@pytest.mark.usefixtures("two_cores")
def test_a_rate_behind_a_front_is_a_bound_where_processes_exceed_cores(
    known_producers: dict[str, Sequence[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    async def keep_awake(*_: object) -> None:
        pass

    front = installed("haproxy")
    monkeypatch.setattr(Session, "keep_awake", keep_awake)
    # On a busy machine requests leave late, which would be a bound for another reason.
    monkeypatch.setattr("bench.stats.generator.LAG_OF_LATENCY", math.inf)
    monkeypatch.setattr("bench.runner.slo.LONGEST_NS", 200_000_000)
    monkeypatch.setattr("bench.runner.slo_search.PRECISION", 2.0)
    known_producers["http"] = ("--delay-ms", "20", "--one-at-a-time")
    path = tmp_path / "slo.json"
    arguments = ("--protocol", "http", "--front", "none,haproxy", "--replicas", "2", "--slo", "p50<300ms")
    assert run(*arguments, "--out", str(path)) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert re.search(r"servers HTTP/JSON .*one producer [\d,]+ HAProxy ×2 ≥ [\d,]+ ", said)
    assert "a lower bound, as 4 busy processes (load, front, 2 producers) shared 2 cores" in said
    found = run_file.read(path)
    printed = subprocess.run([str(program_of(front)), front.version_flag], capture_output=True, text=True, check=True)
    assert found.environment["fronts"] == {front.name: front.version(printed.stdout)}
    alone, behind = found.cells
    assert (alone.front, alone.replicas, alone.fewer_cores) == ("none", 1, None)
    assert (behind.front, behind.replicas) == ("haproxy", 2)
    assert behind.fewer_cores is not None
    assert behind.cpu_us_per_request is not None
    assert behind.cpu_us_per_request.front is not None


def test_an_objective_that_no_rate_meets_is_reported_as_missed(
    known_producers: dict[str, Sequence[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    known_producers["grpc"] = ONE_AT_A_TIME
    assert run("--protocol", "grpc", "--slo", "p50<4ms") == 0
    assert "missed even at 5 requests/s" in capsys.readouterr().out


@pytest.mark.parametrize(("fault", "said"), [("altered_recipe", "differs from the recipes"), ("dies", "no result: ")])
def test_a_failing_producer_has_no_result(
    fault: str, said: str, known_producers: dict[str, Sequence[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    known_producers["http"] = ("--fault", fault, "--after", "30")
    assert run("--protocol", "http", "--slo", "p50<60ms", "--timeout", "0.5") == 3
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--slo", "fast"], "--slo: 'fast'"),
        (["--protocol", "soap"], "--protocol: 'soap'"),
        (["--out", "x.html"], "--out: 'x.html'"),
        (["--out", "/proc/nowhere/x.json"], "--out: /proc/nowhere"),
        (["--recipes", "nowhere.json"], "nowhere.json"),
        (["--target", "http=localhost:1", "--protocol", "grpc"], "--protocol: there is no --target for grpc"),
    ],
)
def test_bad_usage_is_a_one_line_error(arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert named in said.err


def test_results_are_described() -> None:
    key = CellKey(protocol="http", gzip=True, tls=True)
    assert key.label == "http-get-gzip-tls"
    reached = Found(key, rate_hz=4309.4, limit="p99 38.9 ms", probes=10)
    assert (rate_of(reached, TWO), "above: p99 38.9 ms" in in_words(reached, TWO)) == ("4,309", True)
    limited = Found(key, rate_hz=4000.0, limit="requests left late", generator_limited=True)
    assert rate_of(limited, TWO) == "≥ 4,000"
    assert "the load generator was the limit" in in_words(limited, TWO)
    assert rate_of(Found(key), TWO) == "none"
    assert rate_of(Found(key, trouble="gone"), TWO) == "no result"
    lacking = Found(key, trouble="no TLS", unsupported=True)
    assert (rate_of(lacking, TWO), in_words(lacking, TWO)) == ("unsupported", "unsupported: no TLS")
    assert "highest rate that is tried" in in_words(Found(key, rate_hz=1e6), TWO)


def test_rates_are_a_table_of_combinations_and_protocols() -> None:
    http, grpc, compressed = (
        CellKey(protocol="http"),
        CellKey(protocol="grpc"),
        CellKey(protocol="http", gzip=True, tls=True),
    )
    found = [Found(http, rate_hz=4309.4), Found(grpc, rate_hz=900, generator_limited=True), Found(compressed)]
    made = table(found, [parse("p99<20ms"), parse("errors<0.1%")], TWO)
    assert made.title == "Highest requests/s on one server core with p99<20ms and errors<0.1%"
    assert [column.heading for column in made.columns] == ["workload", "HTTP/JSON", "gRPC"]
    assert [(row.headings, [entry.text for entry in row.entries]) for row in made.rows] == [
        (("get",), ["4,309", "≥ 900"]),
        (("get gzip+TLS",), ["none", "–"]),
    ]


def test_rates_of_fronts_replicas_and_workers_have_rows_of_their_own() -> None:
    alone, workers = CellKey(protocol="http"), CellKey(protocol="http", workers=2)
    behind = CellKey(protocol="http", front="haproxy", replicas=2)
    found = [Found(key, rate_hz=4000.0) for key in (alone, behind, workers)]
    made = table(found, [parse("p99<20ms")], TWO)
    assert [column.heading for column in made.columns] == ["workload", "servers", "HTTP/JSON"]
    assert [(row.headings, [entry.text for entry in row.entries]) for row in made.rows] == [
        (("get", "one producer"), ["4,000"]),
        (("get", "HAProxy ×2"), ["≥ 4,000"]),
        (("get", "2 workers"), ["≥ 4,000"]),
    ]
    assert "a lower bound, as 4 busy processes (load, front, 2 producers) shared 2 cores" in in_words(found[1], TWO)
    enough = table(found, [parse("p99<20ms")], CoresUsed(2, front=True))
    assert "2 server cores" in enough.title
    assert [row.entries[0].text for row in enough.rows] == ["4,000"] * 3
