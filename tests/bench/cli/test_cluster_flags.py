"""--scheduler: what is refused, in one line, before anything starts."""

import socket
from pathlib import Path

import pytest

from tests.support.programs import run, run_here

TARGET = ("--target", "http=http://127.0.0.1:1")
SCHEDULER = ("--scheduler", "tcp://127.0.0.1:8786")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            (*TARGET, "--load-workers", "3"),
            "--load-workers has no effect without --scheduler; add it, or leave --load-workers out",
        ),
        (
            SCHEDULER,
            "--scheduler: its workers are on other machines and cannot reach producers that the lab starts here; give "
            "the address of a server that is running with --target",
        ),
        (
            (*TARGET, "--scheduler", "here"),
            "--scheduler: 'here' is no address of a scheduler; use tcp://HOST:PORT or tls://HOST:PORT",
        ),
        (
            (*TARGET, "--scheduler", "tcp://host:99999"),
            "--scheduler: 'tcp://host:99999' is no address of a scheduler; use tcp://HOST:PORT or tls://HOST:PORT",
        ),
        (
            (*TARGET, *SCHEDULER, "--network", "4g"),
            "--network: its relays run on this machine, and the workers of --scheduler are on others",
        ),
        (
            (*TARGET, *SCHEDULER, "--rate", "5", "--arrivals", "constant"),
            "--arrivals constant: workers of a cluster cannot keep equal gaps between the requests of all, as their "
            "clocks are not compared; leave it out",
        ),
        (
            (*TARGET, *SCHEDULER, "--header", "X-Team: red"),
            "--header would cross the network to the workers unencrypted; use a --scheduler with tls://",
        ),
        (
            (*TARGET, *SCHEDULER, "--slice-ms", "20"),
            "--slice-ms has no effect beside --scheduler unless it is over 1,000; slices of a cluster last at least "
            "that long, so leave it out",
        ),
    ],
)
def test_what_cannot_be_measured_from_a_cluster_is_refused(arguments: tuple[str, ...], error: str) -> None:
    done = run_here("bench", "run", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"python -m bench: {error}\n"


@pytest.mark.parametrize(
    ("command", "instead"),
    [
        ("slo", "give run the rates instead: run --scheduler ADDRESS --target PROTOCOL=URL --rate 500,1000,2000"),
        ("sizes", "bytes are counted on this machine, and are the same from any other: leave it out"),
        ("instructions", "instructions are counted on this machine, one request at a time: leave it out"),
    ],
)
def test_other_commands_say_what_to_use_instead_of_a_cluster(command: str, instead: str) -> None:
    done = run_here("bench", command, *SCHEDULER)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("python -m bench: --scheduler is a flag of run")
    assert done.stderr.endswith(f"{instead}\n")
    assert done.stderr.count("\n") == 1


def test_without_dask_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "distributed.py").write_text("raise ImportError('No module named distributed')\n")
    done = run("bench", "run", *TARGET, *SCHEDULER, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "python -m bench: --scheduler needs Dask (No module named distributed): make setup-cluster\n"


def test_without_the_flag_dask_is_not_imported() -> None:
    code = "import sys, bench.cli.run, bench.cluster.load; assert not {'distributed', 'dask'} & {*sys.modules}"
    assert run("timeit", "-n", "1", "-r", "1", code).returncode == 0


def test_a_scheduler_that_does_not_answer_is_named(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed: make setup-cluster")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = run("bench", "run", *TARGET, "--scheduler", f"tcp://127.0.0.1:{port}", "--out", str(tmp_path / "run.json"))
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if not line.startswith("warning: ")] == [
        done.stderr.splitlines()[-1]
    ]
    assert f"--scheduler: no Dask scheduler answers at tcp://127.0.0.1:{port}: " in done.stderr
    assert list(tmp_path.iterdir()) == []
