"""Runs a command line so that every failure ends with one line on stderr and the right exit code."""

import os
import re
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand
from typer.exceptions import Abort, Exit, TyperException

from commands.errors import CommandError, ExitCode

VARIABLES = ("HOST", "PORT", "TLS_PORT", "TARGET", "RECIPES", "GZIP", "TLS")
"""Environment variables that set flags of producers and consumers."""

REPORT_BUGS_TO = "CONTRIBUTING.md says how to report it"


def application(help_text: str) -> typer.Typer:
    """A Typer application with the settings of all programs: no shell completion, no tracebacks of its own."""
    return typer.Typer(help=help_text, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


_BEFORE_DEFAULT = re.compile(r"\s*\[(?=default: |required\])")


class GroupedCommand(TyperCommand):
    """A command whose help lists options under their `rich_help_panel`, in plain text."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each group of parameters."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if (record := parameter.get_help_record(ctx)) is not None:
                name, text = record
                # Defaults that are part of a help text look like those that are added to it.
                record = (name.removesuffix(" <str>"), _BEFORE_DEFAULT.sub("  [", text))
                title = "Arguments" if parameter.param_type_name == "argument" else "Other options"
                groups.setdefault(getattr(parameter, "rich_help_panel", None) or title, []).append(record)
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records)


def run(app: typer.Typer, program: str, arguments: Sequence[str] | None = None) -> int:
    """Run `app` and return its exit code. A command may return its own ExitCode. Errors are printed on stderr."""
    for name in VARIABLES:
        if os.environ.get(name) == "":
            del os.environ[name]  # an empty variable counts as unset
    try:
        result = app(args=None if arguments is None else list(arguments), prog_name=program, standalone_mode=False)
        sys.stdout.flush()
        return int(result) if isinstance(result, int) else ExitCode.FINE
    except CommandError as error:
        return complain(program, str(error), error.exit_code)
    except TyperException as error:
        return complain(program, f"{error.format_message()} (see `{program} --help`)", ExitCode.USAGE)
    except Exit as error:
        return error.exit_code
    except (KeyboardInterrupt, Abort):
        return complain(program, "interrupted", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of stdout has closed it; the interpreter must not flush into it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FINE
    except Exception as error:  # users never see a traceback
        return complain(program, _bug(error), ExitCode.BUG)


def complain(program: str, text: str, exit_code: int) -> int:
    """Print one line on stderr and return the exit code."""
    print(f"{program}: {' '.join(text.split())}", file=sys.stderr)
    return exit_code


def _bug(error: Exception) -> str:
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="recipe-lab-bug-", suffix=".txt", delete=False
    ) as file:
        traceback.print_exception(error, file=file)
    return f"a bug in the lab ({type(error).__name__}); details are in {Path(file.name)}, and {REPORT_BUGS_TO}"
