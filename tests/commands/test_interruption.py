"""Ctrl-C, SIGTERM and SIGHUP end a program with one line and exit code 130, whenever they come."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from commands import interruption
from commands.interruption import STOP_SIGNALS
from tests.support.programs import PATIENCE_S, environment, interrupted

PROGRAMS = {"bench": ["check"], "consumers": ["http", "get", "1"], "producers": ["http"]}


def python(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environment(**variables),
        check=False,
    )


@pytest.mark.parametrize(("program", "number"), [*zip(PROGRAMS, STOP_SIGNALS, strict=True)])
def test_a_signal_during_imports_is_one_line(program: str, number: signal.Signals, tmp_path: Path) -> None:
    """A module of this name is imported in place of the library, and gets the signal."""
    (tmp_path / "typer.py").write_text(f"import signal\nsignal.raise_signal({int(number)})\n", encoding="utf-8")
    path = f"{tmp_path}:{Path.cwd()}"
    done = python("-P", "-m", program, *PROGRAMS[program], PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == f"python -m {program}: interrupted\n"


@pytest.mark.parametrize("place", ["command", "destructor", "end"])
def test_a_signal_while_a_command_runs_is_one_line(place: str) -> None:
    program = f"""
import signal, sys, time
from commands import command_line
PLACE = {place!r}
app = command_line.application("Try things.")
class Lost:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)
        [None for _ in range(1000)]
@app.command()
def attempt() -> None:
    if PLACE == "command":
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGINT)
            print("cleaned up")
    if PLACE == "destructor":
        Lost()
        time.sleep({PATIENCE_S})
code = command_line.run(app, "lab")
if PLACE == "end":
    signal.raise_signal(signal.SIGINT)
sys.exit(code)
"""
    done = python("-c", program)
    assert done.returncode == 130
    assert done.stderr == "lab: interrupted\n"
    assert done.stdout == ("cleaned up\n" if place == "command" else "")


def test_nohup_keeps_its_effect() -> None:
    code = "import signal; from commands import interruption; interruption.end_at_once('lab'); "
    done = python(
        "-c",
        "import signal, subprocess, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
        f"sys.exit(subprocess.call([sys.executable, '-c', {code + 'signal.raise_signal(signal.SIGHUP); print(1)'!r}]))",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


def test_what_is_written_whole_is_not_interrupted() -> None:
    written = []

    def write() -> None:
        with interruption.held():
            signal.raise_signal(signal.SIGINT)
            written.append(1)
        written.append(2)

    with interruption.raised("lab", ends=False), pytest.raises(KeyboardInterrupt):
        write()
    assert written == [1]


def test_ctrl_c_twice_in_check_ends_it_and_its_processes() -> None:
    done = interrupted("bench", "check", "--protocol", "http", once_started=1, times=2)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "python -m bench: interrupted\n")
