"""A run as one HTML page that needs nothing else: no script, nothing fetched, charts drawn beforehand."""

from collections.abc import Iterator
from dataclasses import dataclass

import jinja2
from markupsafe import Markup

from bench.report import (
    anatomy_pictures,
    costs,
    definitions,
    detail_table,
    latency_charts,
    latency_tables,
    names,
    provenance,
    summary,
)
from bench.report.anatomy import anatomy_tables
from bench.report.break_even_maps import break_even_maps
from bench.report.break_evens import EXPLANATION, TITLE, break_evens
from bench.report.charts import SERIES
from bench.report.document import Table
from bench.report.grouping import Arrangement, WorkloadGroup, arranged
from bench.report.growth_figures import growth_figures
from bench.report.latency_charts import Figure
from bench.report.overall_tables import overall_tables
from bench.report.summary import Statement
from bench.results import Run

TEMPLATE = "report.html.jinja"
HOW_TO_READ = (
    definitions.VERDICTS,
    "Everything was measured in short slices, in rounds of shuffled order, and all producers were started afresh for "
    "every instance. Ratios compare slices of the same round; their intervals come from the spread between "
    "instances.",
    "A cell is one protocol with one setting of gzip and TLS, one workload and one load.",
    definitions.INTERVAL,
    definitions.ANSWERS,
    provenance.PINNED,
)

_environment = jinja2.Environment(
    loader=jinja2.PackageLoader("bench.report", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Part:
    """Charts and tables about one figure of one workload. `keys` are the names of a bar's pieces."""

    title: str
    explanation: str
    figures: list[Figure]
    tables: list[Table]
    keys: tuple[str, ...] = ()
    series: bool = True
    """Whether the colours in it are those of what is compared."""


@dataclass(frozen=True, slots=True)
class Section:
    """Everything about one workload."""

    id: str
    title: str
    in_short: str
    statements: list[Statement]
    headline: list[Figure]
    parts: list[Part]


def render(run: Run) -> bytes:
    """The page, in UTF-8."""
    arrangement = arranged(run)
    page = _environment.get_template(TEMPLATE).render(
        run=run,
        series=[(number % SERIES, names.contender(each)) for number, each in enumerate(arrangement.contenders)],
        compared=names.listed([names.contender(each) for each in arrangement.contenders]) or "nothing",
        sections=[_section(number, group, arrangement) for number, group in enumerate(arrangement.groups)],
        overall=overall_tables(run),
        growth=growth_figures(run, arrangement),
        break_evens=break_evens(run),
        break_even_maps=break_even_maps(run, arrangement),
        break_evens_title=TITLE,
        break_evens_explanation=EXPLANATION,
        anatomy=anatomy_pictures.anatomy_pictures(run),
        anatomy_kinds=anatomy_pictures.kinds(run),
        anatomy_tables=anatomy_tables(run),
        details=detail_table.details(run),
        run_facts=provenance.of_run(run),
        environment=provenance.of_environment(run),
        tls=provenance.of_tls(run),
        attribution=provenance.attribution(run),
        how_to_read=HOW_TO_READ,
        drawn=_drawn,
    )
    return page.encode("utf-8", "replace")


def _drawn(figure: Figure) -> Markup:
    """A chart's SVG, in which Vega has escaped whatever came from the run."""
    return Markup(figure.svg)  # noqa: S704 - drawn by charts.py, not text of the run


def _section(number: int, group: WorkloadGroup, arrangement: Arrangement) -> Section:
    headline = [latency_charts.ratios(group, load, arrangement) for load in group.loads if load.load is not None]
    return Section(
        id=f"workload-{number}",
        title=group.title,
        in_short=summary.in_short(group, arrangement),
        statements=summary.of_workload(group, arrangement),
        headline=[figure for figure in headline if figure is not None],
        parts=[part for part in _parts(group, arrangement) if part.figures or part.tables],
    )


def _parts(group: WorkloadGroup, arrangement: Arrangement) -> Iterator[Part]:
    loads = [load for load in group.loads if load.load is not None]
    for title, told in (
        ("Latency", [load for load in loads if load.is_latency]),
        ("Throughput", [load for load in loads if not load.is_latency]),
    ):
        drawn = [latency_charts.level(group, load, arrangement) for load in told]
        yield Part(
            title,
            definitions.LATENCY if title == "Latency" else definitions.THROUGHPUT,
            [figure for figure in drawn if figure is not None],
            [latency_tables.figures(group, load, arrangement) for load in told],
        )
    against_plain = latency_tables.against_plain(group, arrangement)
    if against_plain is not None:
        yield Part("Cost of gzip and TLS", "The same ratios, all to one cell.", [], [against_plain])
    spectra = [
        figure for load in loads if load.is_latency for figure in latency_charts.spectra(group, load, arrangement)
    ]
    if spectra:
        yield Part("Latency by percentile", definitions.SPECTRUM, spectra, [])
    directions = [latency_charts.bytes_on_the_wire(group, direction) for direction in ("request", "response")]
    yield Part(
        "Bytes",
        definitions.BYTES,
        [figure for figure in directions if figure is not None],
        [costs.sizes(group)],
        keys=("body as sent", "its headers and frames", "the connection's own frames", "TLS"),
        series=False,
    )
    spent = [latency_charts.cpu(group, load) for load in loads]
    yield Part(
        "CPU",
        definitions.CPU,
        [figure for figure in spent if figure is not None],
        [costs.cpu(group)],
        keys=("producer", "consumer"),
        series=False,
    )
