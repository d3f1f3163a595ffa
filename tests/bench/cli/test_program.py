"""`python -m bench`, as a user runs it: real processes, real files, real signals."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest

from bench.front_programs import why_not_installed
from bench.fronts.registry import front
from bench.machine import pinning_here
from consumers.registry import ALL_DIALECTS, CONSUMERS
from tests.support.programs import (
    PATIENCE_S,
    assert_one_line_error,
    environment,
    listening,
    nothing_left_running,
    run,
    run_here,
)

SCHEMA = json.loads(Path("docs/run-file.schema.json").read_text(encoding="utf-8"))
SMALL = ("--recipes", "generated:60", "--instances", "1", "--rounds", "2", "--slice-ms", "2")
ONE_OF_EACH = ("--gzip", "off", "--tls", "off", "--workload", "get", "--concurrency", "1", "--client", "library")
"""One cell for each protocol, with every process that a larger run has."""
ONE_CELL = ("--protocol", "http", "--gzip", "off", "--tls", "off", "--workload", "get", "--concurrency", "1")


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run("bench", *arguments)


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    jsonschema.validate(found, SCHEMA)
    return found


@pytest.mark.usefixtures("traced")
def test_a_run_writes_its_file_and_its_report_and_shows_its_answer(tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    chosen = ("--gzip", "off", "--tls", "on", "--workload", "get", "--note", "<b>\nwhy</b>")
    done = bench("run", *SMALL, *chosen, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert str(out) in done.stdout
    assert "GraphQL" in done.stdout
    found = read(out)
    assert [cell["status"] for cell in found["cells"]] == ["measured"] * 9
    assert found["command"].startswith("python -m bench run")
    assert found["note"] == "<b> why</b>"
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Note: &lt;b&gt; why&lt;/b&gt;" in page
    assert "<h1" in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "r.json"]


def test_a_run_in_every_dialect_measures_the_protocols_that_support_it(tmp_path: Path) -> None:
    chosen = ("--dialect", ",".join(ALL_DIALECTS), "--client", "library,raw", "--workload", "get,list")
    least = ("--gzip", "on", "--tls", "off", "--concurrency", "1", "--instances", "1", "--rounds", "2")
    out = tmp_path / "r.json"
    done = bench("run", *chosen, *least, "--recipes", "generated:60", "--out", str(out))
    assert done.returncode == 0, done.stderr
    tables = bench("report", str(out), "--tables", "causes").stdout
    assert "HTTP to gRPC: causes of the difference in median latency" in tables
    cells = read(out)["cells"]
    assert {cell["status"] for cell in cells} == {"measured"}
    pairs = [(protocol, dialect) for protocol, row in CONSUMERS.items() for dialect in row]
    assert sorted({(cell["protocol"], cell["dialect"]) for cell in cells}) == sorted(pairs)
    assert len(cells) == len(pairs) * 2 * 2
    unusual = next(cell for cell in cells if cell["id"] == "grpc-get-json-gzip-c1")
    assert unusual["ratio"]["baseline"] == "http-get-gzip-c1"
    persisted = next(cell for cell in cells if cell["id"] == "graphql-list20-persisted-gzip-c1")
    document = next(cell for cell in cells if cell["id"] == "graphql-list20-gzip-c1")
    assert persisted["bytes"]["request"]["message_bytes"] < document["bytes"]["request"]["message_bytes"]
    assert persisted["bytes"]["response"]["message_bytes"] == document["bytes"]["response"]["message_bytes"]


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The run files of two identical concurrent runs."""
    directory = tmp_path_factory.mktemp("twins")
    one, other = directory / "one.json", directory / "other.json"
    command = [sys.executable, "-m", "bench", "run", *SMALL, *ONE_CELL, "--out"]
    running = [
        subprocess.Popen([*command, str(path)], env=environment(), stdout=subprocess.DEVNULL) for path in (one, other)
    ]
    assert [process.wait(PATIENCE_S) for process in running] == [0, 0]
    return one, other


def test_two_concurrent_runs_do_not_collide(twins: tuple[Path, Path]) -> None:
    assert {read(path)["cells"][0]["status"] for path in twins} == {"measured"}


def test_a_report_can_be_rendered_from_the_run_file_alone(twins: tuple[Path, Path]) -> None:
    out, page = twins[0], twins[0].with_suffix(".html")
    first = page.read_bytes()
    page.unlink()
    assert run_here("bench", "report", str(out)).returncode == 0
    assert page.read_bytes() == first
    for form in ("markdown", "csv", "terminal"):
        done = run_here("bench", "report", str(out), "--format", form)
        assert done.returncode == 0
        assert "http" in done.stdout.lower()


def test_a_slower_version_gives_exit_code_1(tmp_path: Path) -> None:
    """The slower one waits long enough for every recipe to be significant on any machine."""
    slower = tmp_path / "slower"
    for package in ("commands", "producers", "protos", "recipes", "requirements"):
        shutil.copytree(package, slower / package)
    with (slower / "recipes" / "book.py").open("a", encoding="utf-8") as book:
        book.write(
            "\nimport time\n_get = InMemoryRecipeBook.get\n"
            "async def _slow(self, recipe_id):\n    time.sleep(0.05)\n    return await _get(self, recipe_id)\n"
            "InMemoryRecipeBook.get = _slow\n"
        )
    out = tmp_path / "r.json"
    size = ("--recipes", "generated:60", "--instances", "4", "--rounds", "5", "--slice-ms", "4")
    done = bench("run", *size, *ONE_CELL, "--ab", f"{Path.cwd()}..{slower}", "--out", str(out))
    assert done.returncode == 1, done.stderr
    assert "1 regression, slower by more than 2 %: slower-http-get-c1." in done.stdout
    before, after = read(out)["cells"]
    assert before["ratio"] is None
    assert after["ratio"]["baseline"] == before["id"]
    assert after["ratio"]["latency_ns_p50"]["verdict"] == "slower"
    assert after["ratio"]["latency_ns_p50"]["value"] > 2


def test_two_targets_are_compared_without_a_verdict(tmp_path: Path) -> None:
    with (
        listening("producers", "http", "--port", "0", "--recipes", "generated:60") as one,
        listening("producers", "http", "--port", "0", "--recipes", "generated:60") as other,
    ):
        out = tmp_path / "r.json"
        targets = ("--target", f"http={one.addresses[0]}", "--ab-target", f"http={other.addresses[0]}")
        size = ("--recipes", "generated:60", "--rounds", "4", "--slice-ms", "2", "--gzip", "off", "--workload", "get")
        done = bench("run", *size, *targets, "--concurrency", "1", "--client", "library", "--out", str(out))
    assert done.returncode == 3, done.stderr
    answer = " ".join(done.stdout.split())
    assert "Inconclusive. 0 slower, 0 faster, 0 same, 1 inconclusive." in answer
    assert "Targets are not restarted" in answer
    first, second = read(out)["cells"]
    assert second["ratio"]["baseline"] == first["id"]
    assert second["ratio"]["latency_ns_p50"]["verdict"] == "inconclusive"
    assert second["ratio"]["latency_ns_p50"]["undecided"] == "not_restarted"


def test_wrong_responses_give_exit_code_3_and_no_results(tmp_path: Path) -> None:
    with listening("producers", "http", "--port", "0", "--recipes", "generated:60:2") as other:
        out = tmp_path / "r.json"
        done = bench("run", *SMALL[:2], *ONE_CELL, "--target", f"http={other.addresses[0]}", "--out", str(out))
    assert done.returncode == 3, done.stderr
    for cell in read(out)["cells"]:
        assert cell["status"] == "failed"
        assert cell["latency_ns"] is None
        assert cell["outcomes"]["wrong_answer"] > 0
    assert "differs from the recipes" in done.stdout


def test_a_run_ends_when_its_intervals_are_narrow_enough(tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    narrow = ("--until", "90%", "--seconds", "30")
    done = bench("run", *SMALL[:2], "--protocol", "http,grpc", *ONE_OF_EACH, *narrow, "--out", str(out))
    assert done.returncode == 0, done.stderr
    found = read(out)["plan"]
    assert 2 <= found["instances_done"] <= found["instances"]
    assert not found["interrupted"]
    assert len(found["warm_up_rounds"]) == found["instances_done"]


def test_two_short_runs_of_the_same_producers_show_nothing(twins: tuple[Path, Path]) -> None:
    done = bench("compare", *map(str, twins))
    assert done.returncode == 3, done.stderr
    assert "http-get-c1" in done.stdout
    assert "Inconclusive." in done.stdout


def test_runs_with_different_recipes_are_not_compared(twins: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    assert bench("run", *SMALL, *ONE_CELL, "--recipes", "generated:50", "--out", str(out)).returncode == 0
    assert_one_line_error(run_here("bench", "compare", str(out), str(twins[0])), 2, "recipes", "generated:50")


def test_a_dry_run_prints_the_plan_and_measures_nothing(tmp_path: Path) -> None:
    done = run_here("bench", "run", "--dry-run", "--out", str(tmp_path / "r.json"))
    assert done.returncode == 0
    assert "72 cells: every combination of" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--protocol", "soap"), ("--protocol", "soap", "http, graphql, grpc")),
        (("--protocol", ""), ("--protocol",)),
        (("--dialect", "xml"), ("--dialect", "'xml'", "default, json, protobuf, document, persisted")),
        (("--dialect", "json"), ("--dialect json", "graphql speaks none", "default or document or persisted")),
        (("--gzip", "maybe"), ("--gzip", "maybe", "off, on")),
        (("--tls", "1.3"), ("--tls", "1.3")),
        (("--workload", "delete"), ("--workload", "delete", "get")),
        (("--page-size", "0"), ("--page-size", "0", "1000")),
        (("--concurrency", "-1"), ("--concurrency", "-1")),
        (("--rate", "fast"), ("--rate", "fast")),
        (("--rate", "10", "--arrivals", "bursts"), ("--arrivals", "bursts", "poisson")),
        (("--instances", "0"), ("--instances", "0")),
        (("--slice-ms", "nan"), ("--slice-ms", "nan")),
        (("--target", "http"), ("--target", "PROTOCOL=URL")),
        (("--target", "soap=localhost:1"), ("--target", "soap=localhost:1")),
        (("--target", "http=ftp://x"), ("--target", "ftp")),
        (("--target", "http=a:1", "--target", "http=b:1"), ("--target", "twice")),
        (("--target", "http=a:1", "--protocol", "grpc"), ("--protocol", "grpc")),
        (("--target", "http=a:1", "--instances", "2"), ("--instances", "--target")),
        (("--target", "grpc=a:1", "--implementation", "grpcio-threads"), ("--implementation", "--target")),
        (("--ab-target", "http=a:1"), ("--ab-target", "--target")),
        (("--ab", "no-such-branch"), ("--ab", "no-such-branch", "neither a commit")),
        (("--ab", "main.."), ("--ab", "main..")),
        (("--ab", "HEAD", "--target", "http=a:1"), ("--ab", "--target", "--ab-target")),
        (("--until", "wide"), ("--until", "wide")),
        (("--until", "3%", "--rounds", "5"), ("--until", "--rounds")),
        (("--until", "3%", "--instances", "5"), ("--until", "--instances")),
        (("--ids", "x"), ("--ids", "x")),
        (("--ids", "100000"), ("--ids", "100000", "--expect none")),
        (("--expect", "much"), ("--expect", "much")),
        (("--recipes", "no-such.json"), ("no-such.json", "no such file")),
        (("--out", "report.html"), ("--out", "report.html", ".json")),
        (("--out", "/proc/nowhere/r.json"), ("--out", "/proc/nowhere")),
        (("--ca", "no-such.pem"), ("--ca", "no-such.pem")),
        (("--network", "carrier-pigeon"), ("network",)),
    ],
)
def test_bad_usage_is_a_one_line_error_before_anything_starts(
    arguments: tuple[str, ...], named: tuple[str, ...]
) -> None:
    assert_one_line_error(run_here("bench", "run", *arguments), 2, *named)


@pytest.mark.parametrize("command", [("report",), ("compare",), ("compare", "a.json", "b.json"), ("report", "a.json")])
def test_an_invalid_run_file_is_a_one_line_error(command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    arguments = [str(tmp_path / each) if each.endswith(".json") else each for each in command]
    assert_one_line_error(run_here("bench", *arguments), 2)


@pytest.mark.parametrize(
    ("protocol", "flags"),
    [
        ("http", ()),
        ("graphql", ("--gzip", "--tls")),
        ("grpc", ("--gzip", "--tls")),
    ],
)
def test_ask_prints_the_response_and_its_bytes(protocol: str, flags: tuple[str, ...]) -> None:
    with nothing_left_running():
        done = bench("ask", protocol, *flags)
    assert done.returncode == 0, done.stderr
    answer, _, sizes = done.stdout.partition("\n\n")
    assert json.loads(answer)["name"] == "Chicken Tikka Masala"
    rows = dict(re.findall(r"^  (\S.*?) +\d+ +(\d+)  ", sizes, re.MULTILINE))
    assert int(rows["wire"]) >= int(rows["with headers & framing"]) > int(rows["message"]) > 80


@pytest.mark.usefixtures("traced")
def test_ask_prints_the_first_recipe_when_recipe_42_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text('{"id": 9, "name": "Nine"}\n{"id": 7, "name": "Seven"}\n')
    done = bench("ask", "http", "--recipes", str(file))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.partition("\n\n")[0])["name"] == "Nine"


class Screen:
    """The output to a terminal. It is read continuously, because writes to a full terminal block."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._shown = b""
        self._news = threading.Condition()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        # Reading fails once the other end is closed.
        with suppress(OSError):
            while more := os.read(self._terminal, 65536):
                with self._news:
                    self._shown += more
                    self._news.notify_all()

    def wait_for(self, text: bytes) -> None:
        """Wait until `text` has been shown."""
        with self._news:
            assert self._news.wait_for(lambda: text in self._shown, PATIENCE_S), self._shown

    def close(self) -> None:
        """Close the terminal, once the other end is closed."""
        self._reading.join(PATIENCE_S)
        os.close(self._terminal)


@contextmanager
def on_a_terminal(*arguments: str, **variables: str) -> Iterator[tuple[subprocess.Popen[bytes], Screen]]:
    """The bench with a terminal for its stderr, where the progress bar is shown."""
    reading, writing = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "bench", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=writing,
        env=environment(TERM="xterm", COLUMNS="120", **variables),
    ) as process:
        os.close(writing)
        screen = Screen(reading)
        try:
            yield process, screen
        finally:
            process.kill()
            screen.close()


def gone(processes: list[psutil.Process]) -> bool:
    return psutil.wait_procs(processes, timeout=PATIENCE_S)[1] == []


@pytest.mark.parametrize(
    ("number", "cells", "processes"),
    [(signal.SIGINT, ONE_OF_EACH, 6), (signal.SIGTERM, ONE_CELL, 2), (signal.SIGHUP, (*ONE_CELL, "--tls", "on"), 2)],
)
def test_ctrl_c_keeps_the_finished_rounds_and_leaves_nothing_behind(
    tmp_path: Path, number: signal.Signals, cells: tuple[str, ...], processes: int
) -> None:
    out = tmp_path / "out" / "r.json"
    (aside := tmp_path / "aside").mkdir()
    arguments = ("run", *SMALL, *cells, "--rounds", "10000", "--out", str(out))
    with on_a_terminal(*arguments, TMPDIR=str(aside)) as (process, shown):
        shown.wait_for(b"round 3")
        children = psutil.Process(process.pid).children(recursive=True)
        # Others keep the cores awake.
        assert len(children) - len(pinning_here().may_spin) == processes
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 130
    assert gone(children)
    found = read(out)
    assert found["plan"]["interrupted"]
    assert {cell["status"] for cell in found["cells"]} == {"measured"}
    assert out.with_suffix(".html").exists()
    assert [path.name for path in aside.iterdir()] == ["recipe-lab-runs"]


def test_a_result_that_cannot_be_written_is_still_shown(tmp_path: Path) -> None:
    out = tmp_path / "out" / "r.json"
    arguments = ("run", *SMALL, *ONE_CELL, "--client", "library", "--rounds", "10000", "--out", str(out))
    with on_a_terminal(*arguments) as (process, shown):
        shown.wait_for(b"round 3")
        out.parent.rename(tmp_path / "elsewhere")
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        answer = process.stdout.read()
        assert process.wait(PATIENCE_S) == 2
        shown.wait_for(b"r.html: cannot be written: No such file or directory; written: nothing")
    assert b"HTTP/JSON" in answer
    assert b"Run file:" not in answer


def test_ctrl_c_before_anything_was_measured_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    with on_a_terminal("run", *SMALL, "--recipes", "generated:2000", "--out", str(out)) as (process, shown):
        shown.wait_for(b"starting")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130
    assert list(tmp_path.iterdir()) == []


def test_child_processes_end_when_the_bench_is_killed(tmp_path: Path) -> None:
    arguments = ("run", *SMALL, *ONE_OF_EACH, "--rounds", "10000", "--out", str(tmp_path / "r.json"))
    with on_a_terminal(*arguments) as (process, shown):
        shown.wait_for(b"round 1")
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        process.kill()
        assert gone(children)
    assert list(tmp_path.iterdir()) == []


def test_a_front_ends_when_the_bench_is_killed(tmp_path: Path) -> None:
    if (reason := why_not_installed(front("haproxy"))) is not None:
        pytest.skip(reason)
    arguments = (
        "run",
        "--front",
        "haproxy",
        "--recipes",
        "generated:60",
        "--instances",
        "1",
        *ONE_CELL,
        "--rounds",
        "10000",
    )
    with on_a_terminal(*arguments, "--out", str(tmp_path / "r.json")) as (process, shown):
        shown.wait_for(b"round 1")
        children = psutil.Process(process.pid).children(recursive=True)
        assert "haproxy" in [child.name() for child in children]
        process.kill()
        assert gone(children)
