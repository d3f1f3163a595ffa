"""Prints runs and documents, and writes run files and reports: what was found is shown before it is written."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Self

from msgspec import to_builtins
from msgspec.json import encode as json_encode
from msgspec.json import format as json_format
from rich.console import Console
from rich.text import Text

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
from commands import interruption
from commands.errors import UsageError
from recipes.installation import started_as

READABLE_BY_ALL = 0o644
MORE = f"--tables all, --explain, --json (later: {started_as('bench')} report RUN)"
"""How to see what the answer leaves out."""
RUN_FILE, REPORT = "Run file", "Report"
"""The files of a run, as they are named."""
NARROWEST = 40
"""Columns below which lines are as long as in a terminal of this width."""


class Files:
    """What is to be written: the contents of files by what they are. The first is the one that matters."""

    def __init__(self, contents: Mapping[str, tuple[Path, Callable[[], bytes]]]) -> None:
        self._contents = contents
        self._problems: list[str] = []
        self.written: dict[str, str] = {}
        """The paths of what was written, by what it is."""

    @classmethod
    def of_run(cls, run: Run, run_path: Path, *, report: bool = True) -> Self:
        """The files of a run that has been measured: its run file and, unless it has none, its report."""
        contents = {RUN_FILE: (run_path, lambda: run_file.encode(run))}
        if report:
            contents[REPORT] = (run_path.with_suffix(".html"), lambda: report_of(run))
        return cls(contents)

    def write(self) -> None:
        """Write what can be written. Ctrl-C waits for the first file."""
        for number, (kind, (path, content)) in enumerate(self._contents.items()):
            with nullcontext() if number else interruption.held():
                self._write(kind, path, content)

    def _write(self, kind: str, path: Path, content: Callable[[], bytes]) -> None:
        try:
            put(path, content())
            self.written[kind] = str(path)
        except UsageError as error:
            self._problems.append(str(error))

    def complain(self) -> None:
        """Raise UsageError where something could not be written; it names what was."""
        if self._problems:
            others = ", ".join(f"{kind.lower()} {path}" for kind, path in self.written.items())
            raise UsageError(f"{'; '.join(self._problems)}; written: {others or 'nothing'}")


def show_then_write(
    files: Files, show: Callable[[], None], name: Callable[[dict[str, str]], None] = lambda _: None
) -> None:
    """Show a run, write its files, and name those that were written. Whatever goes wrong, the rest is done.

    Raises UsageError if a file is not writable.
    """
    try:
        show()
    finally:
        try:
            files.write()
        finally:
            name(files.written)
    files.complain()


def show(run: Run, run_path: Path, shown: Shown) -> None:
    """Print the answer, then write the run file and its report. Raises UsageError if one is not writable."""
    if shown.as_json:
        show_then_write(Files.of_run(run, run_path), lambda: None, lambda written: _print_json(run, written))
        return
    console = console_of_output()
    more = "" if shown.is_more else MORE
    planned = {RUN_FILE: str(run_path), REPORT: str(run_path.with_suffix(".html"))}
    show_then_write(
        Files.of_run(run, run_path),
        lambda: _print_answer(run, shown, Closing(planned, more), console),
        lambda written: _print_lines(Closing(written, more).lines(console), console),
    )


def print_answer(run: Run, shown: Shown, run_path: Path) -> None:
    """Print the answer of a run that is in a file to stdout, and what else was asked for."""
    files = {RUN_FILE: str(run_path)}
    if shown.as_json:
        _print_json(run, files)
        return
    console = console_of_output()
    closing = Closing(files, "" if shown.is_more else MORE)
    _print_answer(run, shown, closing, console)
    _print_lines(closing.lines(console), console)


def _print_answer(run: Run, shown: Shown, closing: Closing, console: Console) -> None:
    """Print the answer without its closing lines, for which there is room."""
    grouping = grouped(run)
    answer = answer_of(run, grouping)
    _print_lines(terminal_answer.lines_of(answer, console, Closing() if shown.is_more else closing), console)
    if shown.is_more:
        console.print()
    if shown.explain:
        terminal.render(explanation_of(run, grouping), console)
    for name, tables in tables_of(run, grouping, shown.tables).items():
        terminal.print_blocks(tables or [f"No table of {name}: this run has nothing for it."], console)


def _print_json(run: Run, files: Mapping[str, str]) -> None:
    """Print the answer as JSON, which is UTF-8 whatever the encoding of text is here."""
    paths = {"run_file": files.get(RUN_FILE), "report": files.get(REPORT)}
    content = json_format(json_encode({**paths, **to_builtins(answer_of(run, grouped(run)))}), indent=2)
    sys.stdout.flush()
    sys.stdout.buffer.write(content + b"\n")
    sys.stdout.buffer.flush()


def _print_lines(lines: Iterable[Text], console: Console) -> None:
    for line in lines:
        console.print(line, soft_wrap=True)


def report_of(run: Run) -> bytes:
    """The HTML report of a run."""
    from bench.report import html  # noqa: PLC0415 - its templates are not needed by commands that write no page

    return html.render(document_of(run))


def write_report(run: Run, path: Path) -> Path:
    """Write the HTML report. Raises UsageError if it is not writable."""
    put(path, report_of(run))
    return path


def print_files(written: Mapping[str, str]) -> None:
    """Print where files of a run are."""
    console = console_of_output()
    _print_lines(Closing(written).lines(console), console)


def page_path(flag: str, given: str) -> Path:
    """Where a page goes. Raises UsageError where the name is not one of a page."""
    if Path(given).suffix != ".html":
        raise UsageError(f"{flag}: {given!r} does not end in .html")
    return Path(given)


def write_page(document: Document, path: Path) -> None:
    """Write a document as an HTML page with its conclusion first. Raises UsageError if it is not writable."""
    put(path, page_of(document))


def page_of(document: Document) -> bytes:
    """A document as an HTML page with its conclusion first."""
    from bench.report import html  # noqa: PLC0415 - as above

    return html.render(document, html.RESULT_FIRST)


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
