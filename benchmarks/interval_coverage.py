"""`python -m benchmarks.interval_coverage`: do intervals contain the truth, and how often is a verdict false?

Runs are simulated (tests.support.simulated_runs) on machines whose noise is known, with all ratios equal to 1, and are
evaluated by the lab's own statistics. Printed for each scenario:

- coverage: the share of runs in which the plain 95 % interval of a ratio contains the truth, over all headline ratios,
  with the least and the most covered one, and over all other ratios
- family error: the share of runs in which any ratio is `faster` or `slower`
- coverage of medians: the same for the median latency of a cell; the truth is the mean over all runs
- compared: the share of pairs of runs of which `compare` calls any cell faster or slower
- the half-width of the corrected interval of the headline ratios, the median and the widest of a run, median over runs

Every run has a seed of its own, so the output can be reproduced.
"""

import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import log, sqrt
from multiprocessing import Pool
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from bench.load_models import ClosedLoad
from bench.results import Cell
from bench.stats.compare import compare
from bench.stats.estimates import LATENCY, from_logarithms, measured
from bench.stats.ratios import Baseline, ratios_of
from bench.stats.verdicts import is_headline
from commands import command_line, values
from commands.errors import UsageError
from tests.bench.stats.noise import matrix
from tests.support import runs
from tests.support.simulated_runs import AWAKE, CALM, SHARED, Conditions, Design, recorded, with_slices

BASELINE = "alpha"
RUN_S = 175.0
FIXED_S = 8.0
"""What a run takes besides starting instances and recording slices."""
RECORDED_S_AT_LEAST = 5.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of machine and run."""

    name: str
    conditions: Conditions = SHARED
    design: Design = Design()  # noqa: RUF009 - frozen
    cells: tuple[Cell, ...] = tuple(matrix(loads=(ClosedLoad(concurrency=1), ClosedLoad(concurrency=16))))
    """By default those of a default run."""


SCENARIOS = {
    "shared": Scenario("shared machine, cores asleep"),
    "awake": Scenario("shared machine, cores kept awake", AWAKE),
    "calm": Scenario("calm machine", CALM),
    "drift": Scenario("drift of 40 %", replace(SHARED, drift=0.4)),
    "regimes": Scenario("regimes of 5 s, 40 % slower", replace(SHARED, regime=log(1.4), regime_s=5.0)),
    "luck": Scenario("luck of 1 % shared by a set, 0.5 % of a process", replace(SHARED, set=0.01, process=0.005)),
    "unlucky": Scenario("luck of 1 % of each cell", replace(SHARED, set=0.0, process=0.0, cell=0.01)),
    "tails": Scenario("noise with t(2) tails, 20 % of slices spoiled", replace(SHARED, tail=2.0, spoiled=0.2)),
    "8": Scenario("8 instances", design=Design(sets=8)),
    "13": Scenario("13 instances", design=Design(sets=13)),
    "groups": Scenario("9 instances in three groups", design=Design(sets=9, at_once=3)),
    "short": Scenario("30 s recorded", design=Design(seconds=30.0)),
    "two": Scenario(
        "two cells only, 20 s recorded",
        design=Design(seconds=20.0),
        cells=tuple(matrix(("alpha", "beta"), ((False, False),), ("get",))),
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The ratios of one simulated run, in a fixed order."""

    headline: NDArray[np.bool_]
    covered: NDArray[np.bool_]
    """Whether the plain 95 % interval contains 1."""
    wrong: bool
    """Whether any ratio is `faster` or `slower`."""
    half_widths: NDArray[np.float64]
    """Of the corrected intervals, as shares; NaN where there is none."""
    medians: NDArray[np.float64]
    """Logarithms of low end, value and high end for the median latency of each cell that measures latency."""


def simulated(scenario: Scenario, seed: int) -> list[Cell]:
    """The cells of a simulated run."""
    rng = np.random.default_rng(seed)
    return with_slices(scenario.cells, recorded(rng, scenario.cells, scenario.design, scenario.conditions))


def compared_wrongly(before: Sequence[Cell], after: Sequence[Cell]) -> bool:
    """Whether a comparison of two runs of equal cells calls any of them faster or slower."""
    found = compare(runs.run(list(before)), runs.run(list(after)))
    return any(cell.ratio.verdict in ("faster", "slower") for cell in found.cells)


def evaluated(cells: Sequence[Cell]) -> Found:
    """What the statistics say about cells that are all equal. A ratio that is both kinds of a cell counts once."""
    by_id = {cell.id: cell for cell in cells}
    headline, covered, half_widths, wrong = [], [], [], False
    for name, ratios in ratios_of(cells, Baseline(BASELINE), restarts=True).items():
        for ratio in {each.baseline: each for each in (ratios.to_plain, ratios.to_baseline) if each}.values():
            found = ratio.latency_ns_p50 or ratio.requests_per_second
            assert found is not None
            headline.append(is_headline(by_id[name], by_id[ratio.baseline]))
            covered.append(
                found.low_95 is not None and found.high_95 is not None and found.low_95 <= 1 <= found.high_95
            )
            half_widths.append(sqrt(found.high / found.low) - 1 if found.low and found.high else np.nan)
            wrong = wrong or found.verdict in ("faster", "slower")
    medians = [
        (estimate.low, estimate.value, estimate.high)
        for cell in cells
        if cell.measures_latency and (estimate := from_logarithms(measured(cell.slices, LATENCY))) is not None
    ]
    return Found(
        np.asarray(headline),
        np.asarray(covered),
        wrong,
        np.asarray(half_widths),
        np.log(np.asarray(medians, dtype=np.float64)),
    )


@dataclass(frozen=True, slots=True)
class Summary:
    """Many simulated runs of one scenario. All are shares."""

    runs: int
    coverage: float
    """Of the headline ratios."""
    least_covered: float
    most_covered: float
    coverage_of_others: float | None
    coverage_of_medians: float
    family_error: float
    compared_wrongly: float
    half_width: float
    widest: float


def summary(found: Sequence[Found], comparisons: Sequence[bool]) -> Summary:
    """Summarize runs of one scenario, and comparisons of two."""
    headline = found[0].headline
    covered = np.asarray([run.covered for run in found])
    half_widths = np.asarray([run.half_widths[headline] for run in found])
    low, value, high = np.moveaxis(np.asarray([run.medians for run in found]), 2, 0)
    truth = value.mean(axis=0)
    of_each = covered.mean(axis=0)
    return Summary(
        runs=len(found),
        coverage=float(of_each[headline].mean()),
        least_covered=float(of_each[headline].min()),
        most_covered=float(of_each[headline].max()),
        coverage_of_others=float(of_each[~headline].mean()) if not headline.all() else None,
        coverage_of_medians=float(((low <= truth) & (truth <= high)).mean()),
        family_error=float(np.mean([run.wrong for run in found])),
        compared_wrongly=float(np.mean(comparisons)),
        half_width=float(np.median(np.median(half_widths, axis=1))),
        widest=float(np.median(half_widths.max(axis=1))),
    )


COLUMNS = (
    "scenario",
    "runs",
    "coverage of headline ratios (least to most)",
    "of other ratios",
    "of medians",
    "family error",
    "compared",
    "corrected half-width: median, widest",
)
HEADER = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"


def row(name: str, found: Summary) -> str:
    """A row of the table."""
    others = "–" if found.coverage_of_others is None else f"{found.coverage_of_others:.1%}"
    columns = (
        name,
        str(found.runs),
        f"{found.coverage:.1%} ({found.least_covered:.1%}–{found.most_covered:.1%})",
        others,
        f"{found.coverage_of_medians:.1%}",
        f"{found.family_error:.2%}",
        f"{found.compared_wrongly:.1%}",
        f"±{found.half_width:.1%}, ±{found.widest:.1%}",
    )
    return f"| {' | '.join(columns)} |"


def planned(scenario: Scenario, sets: int, start_s: float) -> Scenario:
    """The scenario in a run of RUN_S, with so many sets that take so long to start."""
    seconds = RUN_S - FIXED_S - sets * start_s
    if seconds < RECORDED_S_AT_LEAST:
        raise UsageError(f"--start {start_s:g}: of {RUN_S:g} s, {sets} instances leave too little to record")
    name = f"{scenario.name}, {sets} instances, {start_s:g} s each to start, {seconds:.0f} s recorded"
    return replace(scenario, name=name, design=replace(scenario.design, sets=sets, seconds=seconds))


def _pair(task: tuple[Scenario, int]) -> tuple[Found, Found, bool]:
    """Two runs with seeds that follow each other, and whether their comparison is wrong."""
    scenario, seed = task
    before, after = simulated(scenario, seed), simulated(scenario, seed + 1)
    return evaluated(before), evaluated(after), compared_wrongly(before, after)


def simulate(scenario: Scenario, runs: int, seed: int, mapped: Callable[..., Iterable[Any]] = map) -> Summary:
    """Simulate an even number of runs, and summarize them. `mapped`: `map`, or that of a pool of processes."""
    pairs = list(mapped(_pair, [(scenario, seed + number) for number in range(0, runs, 2)]))
    return summary([run for first, second, _ in pairs for run in (first, second)], [wrong for *_, wrong in pairs])


app = command_line.application("Simulate runs whose truth is known, and count how often intervals contain it.")


@app.command()
def interval_coverage(
    scenario: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help=f"Comma-separated: {', '.join(SCENARIOS)}; all by default."),
    ] = None,
    runs: Annotated[
        int, typer.Option(parser=values.whole_number(2, 1_000_000), metavar="N", help="Simulated per scenario.")
    ] = 2000,
    instances: Annotated[
        list[str] | None,
        typer.Option(metavar="N,N", help=f"Plan runs of {RUN_S:g} s with these numbers of instances instead."),
    ] = None,
    start: Annotated[
        float, typer.Option(parser=values.number(0, 60), metavar="S", help="How long one takes to start, with these.")
    ] = 3.0,
    processes: Annotated[
        int, typer.Option(parser=values.whole_number(1, 256), metavar="N", help="How many simulate at once.")
    ] = 1,
    seed: Annotated[
        int, typer.Option(parser=values.whole_number(0, 1 << 40), metavar="N", help="Of the first run.")
    ] = 1,
) -> None:
    """Print a Markdown table with a row for each scenario."""
    chosen = [SCENARIOS[values.one_of(SCENARIOS)(name)] for name in values.comma_list(scenario or SCENARIOS)]
    if instances:
        numbers = [values.whole_number(2, 1000)(text) for text in values.comma_list(instances)]
        chosen = [planned(each, number, start) for each in chosen for number in numbers]
    print(HEADER, flush=True)
    # Pool ends its processes with SIGTERM, which is no interruption of what they do.
    with Pool(processes, initializer=signal.signal, initargs=(signal.SIGTERM, signal.SIG_DFL)) as pool:
        for each in chosen:
            print(row(each.name, simulate(each, runs, seed, pool.map)), flush=True)


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.interval_coverage"))
