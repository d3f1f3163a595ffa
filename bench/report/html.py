"""A document as one self-contained HTML page: nothing is fetched, and without scripts everything but charts is there.

Charts are drawn by the page's own script with Observable Plot (docs/decisions/0025-charting-library.md).
"""

import base64
import gzip
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup

from bench.report.document import Block, Bullets, Chart, Charts, Document, Properties, Sentences, Table

REPORT = "report.html.jinja"
RESULT_FIRST = "result_first.html.jinja"
"""The conclusion at the top, details folded."""
SERIES = 7
"""Colours of series that the page defines, and as many shapes. When the colours are used up, they come again with other
shapes, so that no two of `SERIES` squared series look alike."""
PARTS = 7
"""Colours and hatchings of parts of bars; an eighth part gets those of the first."""
SCRIPTS = ("numbers.js", "model.js", "plots.js", "explorer.js", "page.js")
"""Parts of the page's script, in order."""
LIBRARY = Path(__file__).parent / "vendor" / "plot.js"
DIGITS = 5
"""Significant digits of the values of charts."""

_loader = jinja2.PackageLoader("bench.report", "templates")
_environment = jinja2.Environment(
    loader=_loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def render(document: Document, template: str = REPORT) -> bytes:
    """The page, in UTF-8."""
    charts = list(_charts(document))
    library, script = LIBRARY.read_text(encoding="utf-8"), _script()
    explorer = document.first_screen.explorer if document.first_screen is not None else None
    text = _environment.get_template(template).render(
        document=document,
        plots={id(chart): number for number, (chart, _) in enumerate(charts)},
        plot_data=_json([_plot(chart, block) for chart, block in charts]),
        explorer_data=_json(explorer),
        library=_packed(library),
        script=Markup(script),  # noqa: S704 - a part of the program
        policy=_policy(library, script),
    )
    return text.encode("utf-8", "replace")


def _charts(document: Document) -> Iterator[tuple[Chart, Charts]]:
    for block in document.blocks():
        if isinstance(block, Charts):
            yield from ((chart, block) for chart in block.charts)


def _plot(chart: Chart, block: Charts) -> dict[str, Any]:
    """A plot for the script, with the names of the colours that it uses."""
    named = {
        kind: {entry.number: entry.name for entry in block.key if entry.kind == kind} for kind in ("series", "part")
    }
    plot = _compact(chart.plot) | {"names": named["series"], "parts": named["part"]}
    return {"kind": type(chart.plot).__name__, "plot": plot}


def _compact(value: Any) -> Any:
    """Plain values, with numbers rounded to what a chart can show."""
    if is_dataclass(value) and not isinstance(value, type):
        return _compact(asdict(value))
    if isinstance(value, Mapping):
        return {name: _compact(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_compact(each) for each in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _json(value: Any) -> Markup:
    """JSON that stands in a script element: no text of the run can end that element."""
    text = msgspec.json.encode(value).decode()
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return Markup(text)  # noqa: S704 - escaped here


@cache
def _script() -> str:
    """The page's own script, without indentation and comments, with the number of colours."""
    lines = (line.strip() for name in SCRIPTS for line in _loader.get_source(_environment, name)[0].splitlines())
    kept = "\n".join(line for line in lines if line and not line.startswith("//"))
    return f'"use strict";\n(async () => {{\nconst SERIES = {SERIES};\n{kept}\n}})();\n'


@cache
def _packed(library: str) -> str:
    """A script as the page unpacks it. It is less than half as long then."""
    return base64.b64encode(gzip.compress(library.encode(), mtime=0)).decode()


def _policy(*scripts: str) -> str:
    """A content security policy under which these scripts run, no others, and nothing is fetched."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def _kind(block: Block) -> str:
    """Which macro of the template renders a block."""
    match block:
        case str():
            return "paragraph"
        case Sentences():
            return "sentences"
        case Bullets():
            return "bullets"
        case Properties():
            return "properties"
        case Table():
            return "table"
        case Charts():
            return "charts"


def _notes_of(blocks: Sequence[Block]) -> tuple[str, ...]:
    """What the tables of a section have to explain, each once."""
    return tuple(dict.fromkeys(note for block in blocks if isinstance(block, Table) for note in block.notes))


_environment.globals.update(notes_of=_notes_of, kind=_kind, series=SERIES, parts=PARTS, identity=id)
