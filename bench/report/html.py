"""A document as one self-contained HTML page: no script, nothing fetched, charts drawn beforehand."""

import jinja2
from markupsafe import Markup

from bench.report import charts
from bench.report.document import Block, Bullets, Chart, Charts, Document, Properties, Section, Sentences, Table

REPORT = "report.html.jinja"
RESULT_FIRST = "result_first.html.jinja"
"""The conclusion at the top, details folded."""

_environment = jinja2.Environment(
    loader=jinja2.PackageLoader("bench.report", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(document: Document, template: str = REPORT) -> bytes:
    """The page, in UTF-8."""
    return _environment.get_template(template).render(document=document).encode("utf-8", "replace")


def _svg(chart: Chart) -> Markup:
    """A chart's SVG, in which Vega has escaped whatever came from the run."""
    return Markup(charts.draw(chart.plot))  # noqa: S704 - drawn by charts.py, not text of the run


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


def _layout(section: Section) -> str:
    """How the blocks of a section are laid out: `answer` and `beside` are in two columns."""
    drawn = [block for block in section.blocks if isinstance(block, Charts)]
    if not drawn or len(section.blocks) == len(drawn) or drawn[0].wide:
        return "stacked"
    if isinstance(section.blocks[0], Sentences):
        return "answer"
    return "beside" if len(drawn[0].charts) == 1 else "stacked"


_environment.globals.update(kind=_kind, layout=_layout, svg=_svg, series=charts.SERIES)
