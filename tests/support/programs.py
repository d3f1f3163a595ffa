"""Running the lab's programs as a user does, or in this process where that makes no difference."""

import io
import os
import runpy
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from time import sleep
from unittest import mock

import psutil

from commands import interruption
from commands.command_line import VARIABLES

PATIENCE_S = 60.0


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without the lab's own variables, and with `variables`."""
    return {name: value for name, value in os.environ.items() if name not in VARIABLES} | variables


def run(
    module: str, *arguments: str, stdin: str = "", patience_s: float = PATIENCE_S, **variables: str
) -> subprocess.CompletedProcess[str]:
    """`python -m MODULE …` to its end, for which it has `patience_s`."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=patience_s,
        env=environment(**variables),
        check=False,
    )


def interrupted(module: str, *arguments: str, once_started: int, times: int = 1) -> subprocess.CompletedProcess[str]:
    """`python -m MODULE …`, which gets Ctrl-C once it has so many processes. Asserts that none of them is left.

    `times`: how often it gets Ctrl-C in a row.
    """
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        try:
            started: list[psutil.Process] = []
            while len(started) < once_started:
                assert process.poll() is None, "it ended too early"
                sleep(0.01)
                started = psutil.Process(process.pid).children(recursive=True)
            for _ in range(times):
                process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert psutil.wait_procs(started, timeout=PATIENCE_S)[1] == []
    return subprocess.CompletedProcess(command, process.returncode, out, errors)


def run_here(module: str, *arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Like `run`, but in this process: for commands that start no process and do not serve.

    A program may change its environment and how signals are handled, so both are restored.
    """
    handlers = interruption.handlers()
    typed = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with (
        mock.patch.dict(os.environ, environment(**variables), clear=True),
        mock.patch.object(sys, "argv", [module, *arguments]),
        mock.patch.object(sys, "stdin", typed),
        redirect_stdout(out),
        redirect_stderr(err),
        warnings.catch_warnings(action="ignore", category=RuntimeWarning),
    ):
        code: object = None
        try:
            # It warns about a program that another test has imported.
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            code = end.code
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    assert isinstance(code, int)
    printed, said = (stream.buffer.getvalue().decode() for stream in (out, err))
    return subprocess.CompletedProcess(arguments, code, printed, said)


@dataclass(slots=True)
class Listening:
    """A running program that has announced its addresses."""

    process: subprocess.Popen[str]
    lines: list[str]

    @property
    def addresses(self) -> list[str]:
        """The addresses on which it accepts connections."""
        return [line.split()[1] for line in self.lines]

    def end(self) -> int:
        """Send SIGTERM, and return the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE_S)


@contextmanager
def listening(module: str, *arguments: str, ports: int = 1, **variables: str) -> Iterator[Listening]:
    """Start a serving program, wait until it has announced `ports` ports; kill it at the end if it still runs."""
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**variables),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            lines = [process.stdout.readline().strip() for _ in range(ports)]
            assert all(line.startswith("listening ") for line in lines), (lines, process.stderr.read())
            yield Listening(process, lines)
        finally:
            process.kill()


def assert_one_line_error(done: subprocess.CompletedProcess[str], exit_code: int, *named: str) -> None:
    """Assert an empty stdout, one line on stderr that contains these texts, and this exit code."""
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    for text in named:
        assert text in done.stderr
    assert done.returncode == exit_code


@contextmanager
def nothing_left_running() -> Iterator[None]:
    """Assert that every process started in the block has ended at its end."""
    before = set(psutil.Process().children(recursive=True))
    try:
        yield
    finally:
        assert set(psutil.Process().children(recursive=True)) <= before
