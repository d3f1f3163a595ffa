"""Runs a command line so that every failure ends with one line on stderr and the right exit code."""

import errno
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import typer
from typer.core import TyperCommand
from typer.exceptions import Abort, Exit, TyperException

from commands import interruption, streams
from commands.errors import CommandError, ExitCode, UsageError
from commands.without_effect import CommandLine, WithoutEffect, refuse

VARIABLES = ("HOST", "PORT", "TLS_PORT", "TARGET", "RECIPES", "RENUMBER", "GZIP", "TLS")
"""Environment variables that set flags of producers and consumers."""

NOT_OF_FILES = (ConnectionError, TimeoutError)
"""Errors of the system that no file, directory or limit explains."""
REPORT_BUGS_TO = "CONTRIBUTING.md says how to report it"


def application(help_text: str) -> typer.Typer:
    """A Typer application with the settings of all programs: no shell completion, no tracebacks of its own."""
    return typer.Typer(help=help_text, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


_BEFORE_DEFAULT = re.compile(r"\s*\[(?=default: |required\])")


class CheckedCommand(TyperCommand):
    """A command that refuses flags without effect, and says what to use instead of flags that another command has."""

    rows: ClassVar[Sequence[WithoutEffect]] = ()
    elsewhere: ClassVar[Mapping[str, str]] = {}
    """What goes on after `--flag `, by flag."""

    @classmethod
    def refusing(cls, rows: Sequence[WithoutEffect], elsewhere: Mapping[str, str] | None = None) -> type[Self]:
        """The class of a command that refuses these."""
        return type(cls.__name__, (cls,), {"rows": rows, "elsewhere": elsewhere or {}})

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line. Raises UsageError for a flag of another command."""
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            flag = getattr(error, "option_name", "")
            if flag in self.elsewhere:
                raise UsageError(f"{flag} {self.elsewhere[flag]}") from None
            raise

    def invoke(self, ctx: Any) -> Any:
        """Check the flags and run the command. Raises UsageError."""
        refuse(self.rows, _command_line(ctx))
        return super().invoke(ctx)


def _command_line(ctx: Any) -> CommandLine:
    values: dict[str, Any] = {}
    given: set[str] = set()
    for parameter in ctx.command.params:
        value = ctx.params.get(parameter.name)
        switched_off = value is False and parameter.secondary_opts
        names = parameter.secondary_opts if switched_off else parameter.opts
        name = names[-1] if parameter.param_type_name == "option" else parameter.name
        values[name] = value
        if ctx.get_parameter_source(parameter.name).name == "COMMANDLINE":
            given.add(name)
    return CommandLine(values, frozenset(given))


class GroupedCommand(CheckedCommand):
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
    """Run `app` and return its exit code. A command may return its own ExitCode. Errors are printed on stderr.

    `arguments`: those of the command line by default, and then this process ends afterwards.
    """
    for name in VARIABLES:
        if os.environ.get(name) == "":
            del os.environ[name]  # an empty variable counts as unset
    output = streams.prepare(program)
    try:
        with interruption.raised(program, ends=arguments is None):
            exit_code = _run(app, program, arguments)
            sys.stdout.flush()
    except KeyboardInterrupt:  # after the command has ended
        exit_code = ExitCode.INTERRUPTED
    if exit_code == ExitCode.INTERRUPTED and arguments is None:
        interruption.ignore()
    return ExitCode.USAGE if output is not None and output.failed and exit_code == ExitCode.FINE else exit_code


def _run(app: typer.Typer, program: str, arguments: Sequence[str] | None) -> int:
    try:
        given = sys.argv[1:] if arguments is None else list(arguments)
        _check_text(given)
        result = app(args=given, prog_name=program, standalone_mode=False)
        if result == ExitCode.INTERRUPTED and not isinstance(result, ExitCode):
            # Typer has made this number of KeyboardInterrupt; a command would have returned an ExitCode.
            return complain(program, "interrupted", ExitCode.INTERRUPTED)
        return int(result) if isinstance(result, int) else ExitCode.FINE
    except CommandError as error:
        return complain(program, str(error), error.exit_code)
    except TyperException as error:
        help_of = _with_groups(context) if (context := getattr(error, "ctx", None)) is not None else program
        return complain(program, f"{error.format_message()} (see `{help_of} --help`)", ExitCode.USAGE)
    except Exit as error:
        return error.exit_code
    except (KeyboardInterrupt, Abort):
        return complain(program, "interrupted", ExitCode.INTERRUPTED)
    except Exception as error:  # users never see a traceback
        if interruption.happened():
            return complain(program, "interrupted", ExitCode.INTERRUPTED)
        cause = _first(error)
        if isinstance(cause, OSError) and not isinstance(cause, NOT_OF_FILES):
            return complain(program, of_system(cause), ExitCode.USAGE)
        return complain(program, _bug(error), ExitCode.BUG)


def _check_text(arguments: Iterable[str]) -> None:
    """Raise UsageError for an argument that is no text in the encoding of this locale, such as some file names."""
    for text in arguments:
        try:
            text.encode()
        except UnicodeEncodeError:
            encoding = sys.getfilesystemencoding()
            raise UsageError(f"{text!r} is no text in {encoding}, the encoding of this locale") from None


def of_system(error: OSError) -> str:
    """What the system refused, and where, in one line."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return f"{error.strerror}: allow more than `ulimit -n` says now"
    if error.errno == errno.ENOSPC and error.filename is None:
        return f"{error.strerror}: a temporary file could not be written{_temporary()}; set TMPDIR to another directory"
    where = f"{error.filename}: " if error.filename is not None else ""
    return f"{where}{error.strerror or error}"


def _temporary() -> str:
    try:
        return f" to {tempfile.gettempdir()}"
    except OSError:
        return ""


def _with_groups(context: Any) -> str:
    """The words that stand for a command: `python -m consumers http get`."""
    words: list[str] = [context.info_name]
    while (context := context.parent) is not None:
        arguments = [each for each in context.command.params if each.param_type_name == "argument"]
        words = [context.info_name, *(str(context.params.get(each.name, each.metavar)) for each in arguments), *words]
    return " ".join(words)


def complain(program: str, text: str, exit_code: int) -> int:
    """Print one line on stderr and return the exit code."""
    print(f"{program}: {' '.join(text.split())}", file=sys.stderr)
    return exit_code


def _first(error: BaseException) -> BaseException:
    """What went wrong first, where tasks failed together."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _bug(error: Exception) -> str:
    name = type(_first(error)).__name__
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", errors="backslashreplace", prefix="recipe-lab-bug-", suffix=".txt", delete=False
        ) as file:
            traceback.print_exception(error, file=file)
        details = f"details are in {Path(file.name)}"
    except OSError:
        # Without a file for them, what matters most has to fit on the line.
        place = traceback.extract_tb(error.__traceback__)[-1]
        details = f"{error} in {place.filename}:{place.lineno}"
    return f"a bug in the lab ({name}); {details}, and {REPORT_BUGS_TO}"
