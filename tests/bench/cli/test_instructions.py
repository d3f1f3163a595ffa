"""`python -m bench instructions`, as a user runs it: real producers under callgrind, and what can go wrong."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bench.stats.instructions import INSTANCES
from benchmarks.slowed_producer import copied
from tests.support.programs import (
    assert_one_line_error,
    interrupted,
    nothing_left_running,
    run,
    run_here,
)

SCHEMA = json.loads(Path("docs/run-file.schema.json").read_text(encoding="utf-8"))
ONE_CELL = ("--recipes", "generated:60", "--workload", "get", "--gzip", "off", "--tls", "off")

COUNTING_S = 300.0
"""A program runs about fifty times slower while its instructions are counted."""

MORE_TO_DO = "for _ in itertools.repeat(None, 1_000): pass"
SMALL_PRODUCER = """
import itertools, json, os, socket, sys, threading
from dataclasses import asdict
from recipes import sources

recipes = {recipe.id: recipe for recipe in sources.load(sys.argv[sys.argv.index("--recipes") + 1]).recipes}

def serve(connection):
    for line in connection.makefile("rb"):
        if line.startswith(b"GET /recipes/"):
            recipe_id = int(line.split()[1].rpartition(b"/")[2])
        elif not line.strip():
            BEFORE_EACH_RESPONSE
            body = json.dumps({"producer_pid": os.getpid(), "recipe": asdict(recipes[recipe_id])}).encode()
            head = f"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: {len(body)}\\r\\n\\r\\n"
            connection.sendall(head.encode() + body)

listening = socket.create_server(("127.0.0.1", 0))
print(f"listening http://127.0.0.1:{listening.getsockname()[1]} pid={os.getpid()}", flush=True)
while True:
    threading.Thread(target=serve, args=listening.accept()[:1], daemon=True).start()
"""
"""A version with a server that imports little: under callgrind, the producers take seconds to start."""


def version(directory: Path, before_each_response: str) -> Path:
    """A version of the producers that does this before each response."""
    directory.mkdir()
    main = copied(directory) / "producers" / "__main__.py"
    main.write_text(SMALL_PRODUCER.replace("BEFORE_EACH_RESPONSE", before_each_response), encoding="utf-8")
    return directory


needs_valgrind = pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")


def written(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    jsonschema.validate(found, SCHEMA)
    return found


def errors_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What it wrote on stderr besides progress, and besides what it said of other runs and of the CPU quota."""
    lines = done.stderr.splitlines()
    return [line for line in lines if not line.endswith(" s left") and not line.startswith("warning: ")]


@needs_valgrind
def test_both_sides_are_counted_and_shown(tmp_path: Path) -> None:
    out = tmp_path / "i.json"
    with nothing_left_running():
        done = run("bench", "instructions", *ONE_CELL, "--protocol", "grpc", "--out", str(out), patience_s=COUNTING_S)
    assert done.returncode == 0, done.stderr
    assert "gRPC" in done.stdout
    assert "Not counted: the kernel, waiting" in " ".join(done.stdout.split())
    found = written(out)
    assert found["environment"]["valgrind"].startswith("3.")
    assert [cell["id"] for cell in found["cells"]] == ["grpc-get"]
    for side in ("producer", "consumer"):
        count = found["cells"][0]["instructions"][side]
        assert count["per_request"]["low"] <= count["per_request"]["value"] <= count["per_request"]["high"]
        assert sum(count["by_library"].values()) == pytest.approx(count["per_request"]["value"], rel=0.01)
        assert {"grpc/_cython/cygrpc", "google/_upb/_message"} <= set(count["by_library"])
        assert count["system_calls"] > 1
    assert "Not counted: the kernel, waiting" in (tmp_path / "i.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["i.html", "i.json"]
    assert run_here("bench", "report", str(out)).returncode == 0


@needs_valgrind
def test_a_version_with_more_to_do_is_a_regression(tmp_path: Path) -> None:
    usual, slowed = version(tmp_path / "usual", "pass"), version(tmp_path / "slowed", MORE_TO_DO)
    chosen = (*ONE_CELL, "--protocol", "http", "--ab", f"{usual}..{slowed}", "--out", str(tmp_path / "i.json"))
    with nothing_left_running():
        done = run("bench", "instructions", *chosen, patience_s=COUNTING_S)
    assert done.returncode == 1, done.stderr
    assert "1 regression, more instructions by more than 1 %: slowed-http-get" in done.stdout
    instances = [cell["instructions"]["producer"]["instance"] for cell in written(tmp_path / "i.json")["cells"]]
    assert [sorted(set(own)) for own in instances] == [list(range(1, INSTANCES[0] + 1))] * 2


@needs_valgrind
def test_a_producer_that_dies_ends_the_command_with_one_line(tmp_path: Path) -> None:
    dying = version(tmp_path / "dying", "os._exit(7)")
    with nothing_left_running():
        versions = ("--protocol", "http", "--ab", f"{dying}..{dying}")
        done = run("bench", "instructions", *ONE_CELL, *versions, patience_s=COUNTING_S)
    assert (done.returncode, done.stdout) == (3, "")
    assert errors_of(done) == ["python -m bench: nothing was counted: the http producer ended with 7"]


@needs_valgrind
def test_ctrl_c_writes_nothing_and_leaves_nothing_running(tmp_path: Path) -> None:
    out = tmp_path / "i.json"
    done = interrupted("bench", "instructions", *ONE_CELL, "--protocol", "http", "--out", str(out), once_started=2)
    assert done.returncode == 130, done.stderr
    assert "interrupted" in done.stderr
    assert not out.exists()


def test_without_valgrind_the_package_is_named(tmp_path: Path) -> None:
    done = run_here("bench", "instructions", *ONE_CELL, PATH=str(tmp_path))
    assert_one_line_error(done, 2, "valgrind and vgdb not found; install the package valgrind")


def test_a_valgrind_that_is_too_old_for_the_processor(tmp_path: Path) -> None:
    """Stands in for one: it ends as a process under a real one does at an instruction that this does not know."""
    for name in ("valgrind", "vgdb"):
        program = tmp_path / name
        program.write_text('#!/bin/sh\n[ "$1" = --version ] && echo valgrind-3.9.0 || kill -ILL $$\n')
        program.chmod(0o755)
    with nothing_left_running():
        done = run("bench", "instructions", *ONE_CELL, "--protocol", "http", PATH=f"{tmp_path}:/usr/bin:/bin")
    assert done.returncode == 3
    assert errors_of(done) == [
        "python -m bench: nothing was counted: the http producer ended with an illegal instruction: valgrind 3.9.0 "
        "does not know all instructions of this processor; install a newer valgrind"
    ]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--protocol", "soap"), "--protocol: 'soap'"),
        (("--client", "h2load"), "--client h2load"),
        (("--front", "squid"), "--front: 'squid'"),
        (("--replicas", "2"), "--replicas is a flag of run; instructions of one front and one producer process"),
        (("--ab", "no-such-commit"), "--ab: 'no-such-commit'"),
        (("--threshold", "-1"), "--threshold"),
        (("--out", "i.txt"), "--out: 'i.txt'"),
    ],
)
def test_errors_are_one_line(arguments: tuple[str, ...], named: str) -> None:
    done = run_here("bench", "instructions", *arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr
