"""Whatever goes wrong in a command ends in one line on stderr and the promised exit code."""

import os
from pathlib import Path
from typing import Annotated

import pytest
import typer

from commands import command_line, values
from commands.errors import CommandError, ExitCode, UntrustedMeasurement, UsageError
from commands.without_effect import WithoutEffect, beside, without


def application(failure: BaseException | None = None, result: int | None = None) -> typer.Typer:
    app = command_line.application("Try things.")

    @app.command()
    def attempt(
        port: Annotated[int, typer.Option(parser=values.port, metavar="PORT")] = 1,
        gzip: Annotated[bool, typer.Option("--gzip", envvar="GZIP")] = False,
    ) -> int | None:
        if failure is not None:
            raise failure
        print(f"port {port} gzip {gzip}")
        return result

    return app


@pytest.mark.parametrize(
    ("failure", "exit_code"),
    [
        (UsageError("--port: no"), ExitCode.USAGE),
        (CommandError("refused"), ExitCode.USAGE),
        (UntrustedMeasurement("too noisy"), ExitCode.UNTRUSTED),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (typer.Exit(7), 7),
    ],
)
def test_failures_become_exit_codes(failure: BaseException, exit_code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.run(application(failure), "lab", []) == exit_code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") <= 1


def test_a_result_is_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.run(application(result=ExitCode.REGRESSION), "lab", []) == ExitCode.REGRESSION
    assert command_line.run(application(), "lab", ["--port", "80"]) == ExitCode.FINE
    assert capsys.readouterr().out == "port 1 gzip False\nport 80 gzip False\n"


@pytest.mark.parametrize(
    "arguments", [["--port", "x"], ["--port", "70000"], ["--port", "-1"], ["--nonsense"], ["stray"]]
)
def test_bad_usage_is_one_line_that_names_the_argument(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.run(application(), "lab", arguments) == ExitCode.USAGE
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert arguments[-1].lstrip("-") in error


def test_a_bug_leaves_its_traceback_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.run(application(ZeroDivisionError("oops")), "lab", []) == ExitCode.BUG
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "Traceback" not in error
    details = Path(next(word for word in error.split() if "recipe-lab-bug-" in word).rstrip(","))
    assert "ZeroDivisionError: oops" in details.read_text(encoding="utf-8")
    details.unlink()


def test_an_empty_environment_variable_counts_as_unset(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GZIP", "")
    assert command_line.run(application(), "lab", []) == ExitCode.FINE
    assert "GZIP" not in os.environ
    monkeypatch.setenv("GZIP", "1")
    assert command_line.run(application(), "lab", []) == ExitCode.FINE
    assert capsys.readouterr().out.endswith("gzip True\n")


def test_an_error_of_a_command_in_a_group_names_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    app = command_line.application("Try things.")

    @app.callback()
    def group(protocol: str) -> None:
        """Choose."""

    @app.command()
    def get(number: Annotated[int, typer.Option(parser=values.port, metavar="N")] = 1) -> None:
        """Get."""

    @app.command()
    def put() -> None:
        """Put."""

    for arguments, help_of in (
        (["http", "get", "--number", "x"], "lab http get"),
        (["http", "put", "--nonsense"], "lab http put"),
        (["http", "post"], "lab"),
        (["--nonsense"], "lab"),
    ):
        assert command_line.run(app, "lab", arguments) == ExitCode.USAGE
        assert f"(see `{help_of} --help`)" in capsys.readouterr().err


def test_only_flags_on_the_command_line_are_refused_for_having_no_effect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        WithoutEffect(["--level", "--no-check"], "without --gzip", without("--gzip")),
        WithoutEffect(["--name"], "beside --gzip", beside("--gzip")),
    ]
    app = command_line.application("Try things.")

    @app.command(cls=command_line.CheckedCommand.refusing(rows))
    def attempt(
        gzip: Annotated[bool, typer.Option("--gzip", envvar="GZIP")] = False,
        level: Annotated[int, typer.Option(envvar="LEVEL")] = 6,
        name: str = "",
        check: bool = True,
    ) -> None:
        """Try."""

    def outcome(*arguments: str) -> str:
        command_line.run(app, "lab", arguments)
        return capsys.readouterr().err

    assert outcome() == outcome("--gzip", "--level", "6") == outcome("--name", "x", "--check") == ""
    assert outcome("--level", "6") == "lab: --level has no effect without --gzip\n"
    assert outcome("--no-check") == "lab: --no-check has no effect without --gzip\n"
    monkeypatch.setenv("LEVEL", "9")
    assert outcome() == ""
    monkeypatch.setenv("GZIP", "1")
    assert outcome("--level", "6") == ""
    assert outcome("--name", "x") == "lab: --name has no effect beside --gzip\n"
