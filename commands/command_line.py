"""Running a command line so that whatever goes wrong ends in one line and the right exit code."""

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

import typer
from typer.exceptions import Abort, Exit, TyperException

from commands.errors import CommandError, ExitCode

VARIABLES = ("HOST", "PORT", "TLS_PORT", "TARGET", "RECIPES", "GZIP", "TLS")
"""The variables of the environment that stand in for flags of producers and consumers."""

REPORT_BUGS_TO = "CONTRIBUTING.md says how to report it"


def application(help_text: str) -> typer.Typer:
    """A Typer application as all of the lab's are: no shell completion, no tracebacks of its own."""
    return typer.Typer(help=help_text, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def run(app: typer.Typer, program: str, arguments: Sequence[str] | None = None) -> int:
    """Run `app` and return its exit code. A command may return its own ExitCode; errors are told on stderr."""
    for name in VARIABLES:
        if os.environ.get(name) == "":
            del os.environ[name]  # set to nothing is not set
    try:
        result = app(args=None if arguments is None else list(arguments), prog_name=program, standalone_mode=False)
        sys.stdout.flush()
        return int(result) if isinstance(result, int) else ExitCode.FINE
    except CommandError as error:
        return complain(program, str(error), error.exit_code)
    except TyperException as error:
        return complain(program, f"{error.format_message()} (`{program} --help` tells more)", ExitCode.USAGE)
    except Exit as error:
        return error.exit_code
    except (KeyboardInterrupt, Abort):
        return complain(program, "interrupted", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # Whoever read stdout has gone; the interpreter must not try to flush into it again on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FINE
    except Exception as error:  # the last resort: a user never sees a traceback
        return complain(program, _bug(error), ExitCode.BUG)


def complain(program: str, text: str, exit_code: int) -> int:
    """Say one line on stderr, and hand the exit code back."""
    print(f"{program}: {' '.join(text.split())}", file=sys.stderr)
    return exit_code


def _bug(error: Exception) -> str:
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="recipe-lab-bug-", suffix=".txt", delete=False
    ) as file:
        traceback.print_exception(error, file=file)
    return f"a bug in the lab ({type(error).__name__}); details are in {Path(file.name)}, and {REPORT_BUGS_TO}"
