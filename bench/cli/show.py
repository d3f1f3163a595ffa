"""Writes run files and reports, and prints documents."""

import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench import run_file
from bench.report import terminal
from bench.report.document import Document
from bench.report.run_document import document_of
from bench.results import Run
from commands.errors import UsageError

READABLE_BY_ALL = 0o644


def show(run: Run, run_path: Path) -> None:
    """Write the run file and its report, and print the report. Raises UsageError if a file is not writable."""
    put(run_path, run_file.encode(run))
    report_path = write_report(run, run_path.with_suffix(".html"))
    print_document(document_of(run))
    print(f"run file: {run_path}\nreport:   {report_path}")


def write_report(run: Run, path: Path) -> Path:
    """Write the HTML report. Raises UsageError if it is not writable."""
    # Drawing charts takes as long to import as everything else, and most commands that fail do not need it.
    from bench.report import html  # noqa: PLC0415

    put(path, html.render(document_of(run)))
    return path


def page_path(flag: str, given: str) -> Path:
    """Where a page goes. Raises UsageError where the name is not one of a page."""
    if Path(given).suffix != ".html":
        raise UsageError(f"{flag}: {given!r} does not end in .html")
    return Path(given)


def write_page(document: Document, path: Path) -> None:
    """Write a document as an HTML page with its conclusion first. Raises UsageError if it is not writable."""
    from bench.report import html  # noqa: PLC0415 - as above

    put(path, html.render(document, html.RESULT_FIRST))


def print_document(document: Document) -> None:
    """Print a document to stdout."""
    terminal.render(document, console_of_output())


def console_of_output() -> Console:
    """A console for stdout: as wide as the terminal, but never narrower than tables need."""
    console = Console(file=sys.stdout)
    if not console.is_terminal or console.width < terminal.MINIMUM_WIDTH:
        console = Console(file=sys.stdout, width=terminal.WIDTH)
    return console


def put(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises UsageError if it is not writable."""
    try:
        write_whole(path, content)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None


def write_whole(path: Path, content: bytes) -> None:
    """Write beside `path`, then rename: a reader sees the whole new file, or what was there before.

    Raises OSError, and leaves nothing behind then.
    """
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name[:100]}.", delete=False) as aside:
        written = Path(aside.name)
        try:
            aside.write(content)
            aside.flush()
            os.fsync(aside.fileno())
            written.chmod(READABLE_BY_ALL)
            written.replace(path)
        except BaseException:
            written.unlink(missing_ok=True)
            raise
