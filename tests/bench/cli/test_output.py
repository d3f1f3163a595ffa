"""Outputs of any kind: other encodings, narrow, closed, full, a reader who leaves. Nothing is lost, no bug reported."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench import run_file
from commands.glyphs import ASCII
from tests.support import programs
from tests.support.programs import PATIENCE_S, environment
from tests.support.runs import small

FULL = "/dev/full"
NUMBER = r"\d[\d,.]*"


@pytest.fixture(scope="module")
def run_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("runs") / "run.json"
    path.write_bytes(run_file.encode(small()))
    return str(path)


def shell(redirection: str, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """`python -m bench …` with a redirection of sh."""
    return shell_line(f'"$0" -m bench "$@" {redirection}', *arguments, **variables)


def shell_line(line: str, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """A line of sh, in which $0 is Python."""
    command = ["sh", "-c", line, sys.executable, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_S, env=environment(**variables), check=False
    )


@pytest.mark.parametrize(
    ("encoding", "form"),
    [
        ("ascii", ("--tables", "all")),
        ("iso-8859-1", ("--format", "terminal")),
    ],
)
def test_an_encoding_without_our_glyphs_gets_ones_that_it_has(
    run_path: str, encoding: str, form: Sequence[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "report", run_path, *form],
        capture_output=True,
        timeout=PATIENCE_S,
        env=environment(PYTHONIOENCODING=encoding),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    shown = done.stdout.decode(encoding)
    assert ("us" if encoding == "ascii" else "µs") in shown
    assert "\\u" not in shown
    whole = programs.run_here("bench", "report", run_path, *form).stdout
    assert re.findall(NUMBER, shown) == re.findall(NUMBER, whole)


def test_ascii_lines_are_no_wider_than_the_terminal(run_path: str) -> None:
    every = ("--tables", "all", "--explain")
    done = programs.run("bench", "report", run_path, *every, PYTHONIOENCODING="ascii", COLUMNS="40")
    assert done.returncode == 0
    assert max(len(line) for line in done.stdout.splitlines() if run_path not in line) == 40


def test_json_is_utf_8_in_every_encoding(run_path: str) -> None:
    ascii_only = programs.run("bench", "report", run_path, "--json", PYTHONIOENCODING="ascii").stdout
    assert json.loads(ascii_only) == json.loads(programs.run_here("bench", "report", run_path, "--json").stdout)
    assert any(glyph in ascii_only for glyph in ASCII)


@pytest.mark.parametrize(
    ("redirection", "reason", "flags"),
    [
        (">&-", "it is closed", ("--format", "terminal")),
        (f">{FULL}", "No space left on device", ("--json",)),
    ],
)
def test_a_stdout_that_takes_nothing_is_one_line(
    run_path: str, redirection: str, reason: str, flags: Sequence[str]
) -> None:
    done = shell(redirection, "report", run_path, *flags)
    assert done.stderr == f"python -m bench: standard output cannot be written: {reason}\n"
    assert done.returncode == 2


def test_other_streams_that_are_closed_change_nothing(run_path: str) -> None:
    arguments = ("compare", run_path, run_path)
    expected = programs.run_here("bench", *arguments)
    done = shell("<&- 2>&-", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (expected.returncode, expected.stdout, "")


def test_a_reader_who_leaves_does_not_change_the_exit_code(run_path: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    arguments = ("compare", run_path, run_path)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "bench", *arguments],
            stdout=closed,
            stderr=subprocess.PIPE,
            timeout=PATIENCE_S,
            env=environment(),
            check=False,
        )
    assert done.stderr == b""
    assert done.returncode == programs.run_here("bench", *arguments).returncode == 3


def test_a_run_whose_output_is_full_is_in_its_file(tmp_path: Path) -> None:
    size = ("--recipes", "generated:60", "--instances", "1", "--rounds", "2", "--slice-ms", "2")
    one = ("--protocol", "http", "--gzip", "off", "--tls", "off", "--workload", "get", "--concurrency", "1")
    out = tmp_path / "r.json"
    done = shell(f">{FULL}", "run", *size, *one, "--client", "library", "--out", str(out))
    assert done.returncode == 2
    assert "standard output cannot be written" in done.stderr
    assert run_file.read(out).cells[0].status == "measured"
    assert out.with_suffix(".html").exists()


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('ulimit -n 16; "$0" -m bench check', "Too many open files"),
        ('ulimit -n 16; "$0" -m bench ask grpc', "Too many open files"),
        ('ulimit -n 16; "$0" -m producers grpc --port 0', "Too many open files"),
        ('ulimit -n 8; "$0" -m consumers grpc get 1 --target 127.0.0.1:1', "Too many open files"),
        ('ulimit -f 0; "$0" -m bench ask http --tls', "No usable temporary directory found"),
        ('"$0" -m bench report "$(printf \'\\377\')"', "no text in utf-8"),
    ],
)
def test_what_the_system_refuses_is_one_line(line: str, named: str) -> None:
    programs.assert_one_line_error(shell_line(line), 2, named)


LONG = "x" * 300
MEASURE = ("bench", "run", "--quick")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((*MEASURE, "--out", f"{LONG}.json"), "File name too long"),
        ((*MEASURE, "--out", f"{LONG}/r.json"), "File name too long"),
        ((*MEASURE, "--out", "taken.json"), "taken.html cannot be written: Is a directory"),
        ((*MEASURE, "--out", "/proc/r.json"), "/proc cannot be written"),
        ((*MEASURE, "--ab", LONG), "File name too long"),
        ((*MEASURE, "--recipes", LONG, "--out", "r.json"), "File name too long"),
        (("bench", "report", LONG), "File name too long"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_before_anything_starts(
    arguments: Sequence[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.html").mkdir()
    programs.assert_one_line_error(programs.run_here(*arguments), 2, named)
    assert [path.name for path in tmp_path.iterdir()] == ["taken.html"]


@pytest.mark.parametrize("command", ["compare", "history"])
def test_a_page_that_cannot_be_written_hides_no_result(command: str, run_path: str, tmp_path: Path) -> None:
    arguments = ("bench", command, run_path, run_path, "--html")
    done = programs.run_here(*arguments, "/proc/page.html")
    assert done.returncode == 2
    assert "/proc/page.html: cannot be written" in done.stderr
    page = tmp_path / "page.html"
    assert done.stdout == programs.run_here(*arguments, str(page)).stdout.removesuffix(f"page: {page}\n") != ""


@pytest.mark.parametrize("redirection", ["</dev/null", "<&-"])
def test_a_load_process_without_orders_ends(redirection: str) -> None:
    done = shell_line(f'"$0" -m bench.load.worker {redirection}')
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("cells", 0, "bytes", "response", "wire_bytes"), 0),
        (("cells", 0, "bytes", "response"), {"wire_bytes": 0, "message_bytes": 0, "compressed_bytes": 0}),
        (("cells", 0, "bytes", "request", "wire_bytes"), None),
        (("cells", 0, "cpu_us_per_request", "consumer", "value"), 1e308),
        (("cells", 0, "latency_ns", "p50", "value"), 0),
    ],
)
def test_figures_that_no_run_can_have_are_no_bug(place: Sequence[Any], value: object, tmp_path: Path) -> None:
    document = json.loads(run_file.encode(small()))
    *above, last = place
    part = document
    for name in above:
        part = part[name]
    part[last] = value
    path = tmp_path / "r.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    for flags in ((), ("--tables", "all")):
        done = programs.run_here("bench", "report", str(path), *flags)
        assert (done.returncode, done.stderr) == (0, "")
