"""The answer on a terminal: one screen at every width, no colour in a pipe, nothing that controls the terminal.

Each file in golden/answers has what a run shows at 60, 80 and 120 columns. `python -c "from
tests.bench.report.test_terminal_answer import write; write()"` writes them anew.
"""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console

from bench.load_models import OpenLoad
from bench.report.answer import answer_of
from bench.report.grouping import grouped
from bench.report.terminal_answer import LINES_AT_MOST, Closing, lines_of
from bench.results import Cell, Run, RunWarning, Verdict
from bench.slices import Slices
from bench.workloads import Workload
from tests.support.model_runs import Asked, known_run
from tests.support.runs import (
    GET,
    HOSTILE,
    LIST,
    ONE,
    SIXTEEN,
    cell,
    client_limited,
    latency_ratio,
    rate_ratio,
    run,
    without_figures,
)

GOLDEN = Path(__file__).parent / "golden" / "answers"
WIDTHS = (60, 80, 120)
CLOSING = Closing({"Run file": "reports/run-1.json", "Report": "reports/run-1.html"}, "--tables all, --explain")
FACTORS = {"graphql": 2.51, "grpc": 1.73}
VARIANTS = ((False, False), (False, True), (True, False), (True, True))
SEVERAL = Slices.of(instance=[0, 1, 2])


def compared(load: OpenLoad | None = None, verdict: Verdict = "slower", **of_cells: object) -> list[Cell]:
    """Three protocols in all variants, in one group."""
    cells = []
    for gzip, tls in VARIANTS:
        given = {"gzip": gzip, "tls": tls, "load": load or ONE, "slices": SEVERAL, **of_cells}
        baseline = cell("http", **given)  # type: ignore[arg-type]
        cells.append(baseline)
        for protocol, factor in FACTORS.items():
            ratio = latency_ratio(baseline.id, factor, verdict, low=factor * 0.97, high=factor * 1.03)
            cells.append(cell(protocol, ratio=ratio, **given))  # type: ignore[arg-type]
    return cells


def rates(workload: Workload) -> list[Cell]:
    """Their throughput, where HTTP/JSON was limited by the client."""
    http = client_limited(cell("http", load=SIXTEEN, workload=workload))
    others = [
        cell(name, load=SIXTEEN, workload=workload, ratio=rate_ratio(http.id, 0.4, "slower"))
        for name in ("graphql", "grpc")
    ]
    return [http, *others]


def default() -> Run:
    """Everything that a run has by default, and predictions for networks."""
    model = known_run(Asked(pages=(20,), connections=("persistent",)))
    ratios = {(each.workload, each.gzip, each.tls): each.id for each in model.cells if each.protocol == "http"}
    cells = [
        each
        if each.protocol == "http"
        else replace(
            each,
            ratio=latency_ratio(
                ratios[each.workload, each.gzip, each.tls], FACTORS[each.protocol], "slower", low=1.5, high=2.8
            ),
        )
        for each in model.cells
    ]
    raw = [replace(each, client="raw", id=f"{each.id}-raw", ratio=None) for each in model.cells[:4]]
    note = RunWarning(code="client_cpu_saturated", grade="note", text="A lower bound.")
    return replace(run([*cells, *rates(GET), *rates(LIST), *raw], warnings=[note]), duration_s=175.2)


def one_instance() -> Run:
    """No verdicts, and more warnings than there is room for."""
    texts = [f"{number}. The machine was noisy in this way. Do something." for number in ("First", "Second", "Third")]
    warnings = [RunWarning(code="one_instance", text=text) for text in texts]
    cells = [*compared(verdict="inconclusive"), *compared(verdict="inconclusive", workload=LIST)]
    return run([replace(each, slices=Slices.of(instance=[0])) for each in cells], warnings=warnings)


def one_protocol() -> Run:
    """Compared with itself without gzip and TLS."""
    plain, *others = [cell("http", gzip=gzip, tls=tls) for gzip, tls in VARIANTS]
    return run([plain, *(replace(each, ratio=latency_ratio(plain.id, 1.21, "slower")) for each in others)])


def open_loop() -> Run:
    """Two rates, of which the lower one is shown."""
    return run([*compared(OpenLoad(rate_hz=100)), *compared(OpenLoad(rate_hz=500))])


def many_groups() -> Run:
    """More rows than fit: workloads, page sizes, networks and connections."""
    return run(
        [
            each
            for network in ("loopback", "4g")
            for workload in (GET, LIST, Workload(name="list", page_size=100))
            for connection in ("persistent", "new")
            for each in compared(workload=workload, network=network, connection=connection)
        ]
    )


def two_versions() -> Run:
    """A regression against another commit, with long names of versions."""
    cells = []
    for protocol in ("http", "grpc"):
        old = cell(protocol, version="feature/quicker-encoding-of-recipes")
        old = replace(old, id=f"old-{old.id}")
        new = cell(protocol, version="current", ratio=latency_ratio(old.id, 1.31, "slower", low=1.25, high=1.37))
        cells += [old, replace(new, id=f"new-{new.id}")]
    given = run(cells)
    return replace(given, plan=replace(given.plan, threshold=0.02))


def targets() -> Run:
    """Running servers, one of which failed."""
    ratio = latency_ratio("http-get-c1", 1.4, "inconclusive", undecided="not_restarted")
    cells = [cell("http"), cell("grpc", ratio=ratio), without_figures("graphql", "failed", "connection refused")]
    cells += [cell("http", gzip=True), without_figures("grpc", "unsupported", "no gzip", gzip=True)]
    return run(cells, environment={"foreign_target": True})


def interrupted() -> Run:
    """After some configurations, with errors."""
    cells = [cell("http", outcomes={"ok": 90, "timeout": 10}), without_figures("grpc", "interrupted", "no time")]
    given = run(cells, warnings=[RunWarning(code="errors_seen", text="10 requests of 100 failed in http-get-c1.")])
    return replace(given, plan=replace(given.plan, interrupted=True, instances_done=1))


def throughput() -> Run:
    """With 16 requests in flight only."""
    return run([*rates(GET), *rates(LIST)])


def dialects() -> Run:
    """Several series of a protocol, some equivalent."""
    http = cell("http")
    ratios: list[tuple[str, str, float, Verdict]] = [
        ("http", "protobuf", 1.004, "same"),
        ("grpc", "json", 1.9, "slower"),
        ("grpc", "protobuf", 0.83, "faster"),
        ("graphql", "persisted", 1.02, "inconclusive"),
    ]
    others = [
        replace(
            cell(protocol, dialect=dialect, ratio=latency_ratio(http.id, value, verdict)), id=f"{protocol}-{dialect}"
        )
        for protocol, dialect, value, verdict in ratios
    ]
    return run([http, *others])


def bytes_only() -> Run:
    """What `sizes` writes."""
    return run([replace(each, load=None, latency_ns=None, ratio=None, outcomes={}) for each in compared()])


RUNS: dict[str, Callable[[], Run]] = {
    each.__name__.replace("_", "-"): each
    for each in (
        default,
        one_instance,
        one_protocol,
        open_loop,
        many_groups,
        two_versions,
        targets,
        interrupted,
        throughput,
        dialects,
        bytes_only,
    )
}


def shown(given: Run, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    lines = lines_of(answer_of(given, grouped(given)), console, CLOSING) + CLOSING.lines(console)
    return [line.plain for line in lines]


def at_all_widths(given: Run) -> str:
    return "".join("\n".join([f"{width} columns", *shown(given, width), "", ""]) for width in WIDTHS)


@pytest.mark.parametrize("name", RUNS)
def test_what_a_run_shows(name: str) -> None:
    assert at_all_widths(RUNS[name]()) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [40, 50, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("name", RUNS)
def test_it_fits_on_one_screen(name: str, width: int) -> None:
    lines = shown(RUNS[name](), width)
    assert max(map(len, lines)) <= width
    assert len(lines) <= LINES_AT_MOST


def test_text_of_other_people_neither_controls_the_terminal_nor_breaks_the_table() -> None:
    cells = [
        cell(HOSTILE),
        without_figures("http", "failed", HOSTILE),
        cell("grpc", version="\x1b[2J" + "長い名前" * 40),
    ]
    given = run(cells, warnings=[RunWarning(code="x", text=HOSTILE * 20)])
    console = Console(file=io.StringIO(), width=60)
    lines = lines_of(answer_of(given, grouped(given)), console)
    assert not any(control in line.plain for line in lines for control in ("\x1b", "\u202e", "\n"))
    assert max(line.cell_len for line in lines) <= 60
    assert len(lines) <= LINES_AT_MOST


def test_an_empty_run() -> None:
    assert shown(run([]), 80)[:2] == ["0 configurations, 8 instances, 150 s", "Nothing was measured."]


def write() -> None:
    for chosen, made in RUNS.items():
        (GOLDEN / f"{chosen}.txt").write_text(at_all_widths(made()), encoding="utf-8")
