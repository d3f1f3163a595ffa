"""Writes run files and reports, and prints documents."""

import os
import sys
import tempfile
from pathlib import Path

from msgspec import to_builtins
from msgspec.json import encode as json_encode
from msgspec.json import format as json_format
from rich.console import Console

from bench import run_file
from bench.cli.output_flags import MARKDOWN, Shown
from bench.report import markdown, terminal, terminal_answer
from bench.report.answer import answer_of
from bench.report.document import Document, with_details
from bench.report.explanation import explanation_of
from bench.report.grouping import grouped
from bench.report.run_document import document_of
from bench.report.tables import tables_of
from bench.report.terminal_answer import Closing
from bench.results import Run
from commands.errors import UsageError

READABLE_BY_ALL = 0o644
MORE = "--tables all, --explain, --json (later: python -m bench report RUN)"
"""How to see what the answer leaves out."""
NARROWEST = 40
"""Columns below which lines are as long as in a terminal of this width."""


def show(run: Run, run_path: Path, shown: Shown) -> None:
    """Write the run file and its report, and print the answer. Raises UsageError if a file is not writable."""
    put(run_path, run_file.encode(run))
    report_path = write_report(run, run_path.with_suffix(".html"))
    print_answer(run, shown, run_path, report_path)


def print_answer(run: Run, shown: Shown, run_path: Path, report_path: Path | None = None) -> None:
    """Print the answer of a run to stdout, and what else was asked for. `report_path`: a report that was written."""
    grouping = grouped(run)
    answer = answer_of(run, grouping)
    if shown.as_json:
        paths = {"run_file": str(run_path), "report": str(report_path) if report_path else None}
        sys.stdout.write(json_format(json_encode({**paths, **to_builtins(answer)}), indent=2).decode() + "\n")
        return
    console = console_of_output()
    files = (("Run file", str(run_path)), *([("Report", str(report_path))] if report_path else []))
    closing = Closing(files, "" if shown.is_more else MORE)
    for line in terminal_answer.lines_of(answer, console, Closing() if shown.is_more else closing):
        console.print(line, soft_wrap=True)
    if shown.is_more:
        console.print()
    if shown.explain:
        terminal.render(explanation_of(run, grouping), console)
    for name, tables in tables_of(run, grouping, shown.tables).items():
        terminal.print_blocks(tables or [f"No table of {name}: this run has nothing for it."], console)
    for line in closing.lines(console) if shown.is_more else ():
        console.print(line, soft_wrap=True)


def write_report(run: Run, path: Path) -> Path:
    """Write the HTML report. Raises UsageError if it is not writable."""
    from bench.report import html  # noqa: PLC0415 - its templates are not needed by commands that write no page

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


def print_result(document: Document, form: str, *, everything: bool = True) -> None:
    """Print a document to stdout in one of RESULT_FORMATS. `everything`: with its details, as with --all."""
    if form == MARKDOWN:
        sys.stdout.write(markdown.render(document, details=everything))
        return
    shown = with_details(document) if everything else document
    terminal.render(shown, console_of_output(), details="with --all and in an HTML page")


def console_of_output() -> Console:
    """A console for stdout: as wide as the terminal; in a file or a pipe as wide as COLUMNS says, or 80."""
    console = Console(file=sys.stdout, highlight=False)
    console.width = max(console.width, NARROWEST)
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
