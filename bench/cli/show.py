"""Writing a run and its report, and showing its tables."""

import sys
from pathlib import Path

from rich.console import Console

from bench import run_file
from bench.report import terminal
from bench.report.write import write_aside
from bench.results import Run
from commands.errors import UsageError


def show(run: Run, run_path: Path) -> None:
    """Write the run file and the report beside it, and print the tables. Raises UsageError when a file cannot be."""
    put(run_path, run_file.encode(run))
    report_path = write_report(run, run_path.with_suffix(".html"))
    show_tables(run)
    print(f"run file: {run_path}\nreport:   {report_path}")


def write_report(run: Run, path: Path) -> Path:
    """Write the HTML report."""
    # What draws its charts takes as long to import as everything else, and most commands that fail need none of it.
    from bench.report.html import render  # noqa: PLC0415

    put(path, render(run))
    return path


def show_tables(run: Run) -> None:
    """Print warnings and tables."""
    terminal.render(run, console_of_output())


def console_of_output() -> Console:
    """stdout; a terminal's own width is used, but never less than what the tables need."""
    console = Console(file=sys.stdout)
    if not console.is_terminal or console.width < terminal.MINIMUM_WIDTH:
        console = Console(file=sys.stdout, width=terminal.WIDTH)
    return console


def put(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    try:
        write_aside(path, content)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None
