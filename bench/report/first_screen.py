"""The first screen of the HTML report: the answer, what a reader can choose from, and what is shown at first. Pure.

What is shown at first stands in the page as text, for readers without scripts. The page's script shows the same.
"""

from dataclasses import dataclass

from bench.report import units
from bench.report.answer import Answer, answer_of
from bench.report.document import MISSING, VERDICT_MARKS
from bench.report.explorer import LADDERS, Explorer, Measure, Pair, Row, Shown, explorer_of
from bench.report.grouping import Grouping
from bench.report.units import Unit
from bench.results import Estimate, RatioEstimate, Run

BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table."""

    series: int
    name: str
    variant: str
    value: str
    interval: str
    ratio: str
    ratio_interval: str
    verdict: str
    samples: str
    share: float
    """Its value as a share of the largest, for a bar."""


@dataclass(frozen=True, slots=True)
class StartView:
    """The table with its caption and headings."""

    caption: str
    headings: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class FirstScreen:
    """What stands above everything else."""

    answer: Answer
    explorer: Explorer | None
    """None where nothing was timed."""
    start: StartView | None
    """What it shows at first."""


def first_screen_of(run: Run, grouping: Grouping) -> FirstScreen:
    """The first screen of a run."""
    explorer = explorer_of(run, grouping)
    return FirstScreen(answer_of(run, grouping), explorer, None if explorer is None else start_view(explorer))


def start_view(explorer: Explorer) -> StartView:
    """The first measure of all variants, in the first value of every other dimension."""
    measure = explorer.measures[0]
    fixed = [(place, each) for place, each in enumerate(explorer.controls) if not each.all_at_once]
    rows = [
        (number, row)
        for number, row in enumerate(explorer.rows)
        if measure.key in row.values and all(row.at[place] == 0 for place, _ in fixed)
    ]
    shown = [row.values[measure.key] for _, row in rows]
    unit = _unit(measure, shown)
    largest = max((each.value for each in shown), default=1.0)
    title = measure.text.partition(",")[0]
    value_heading = unit.symbol if unit is units.PER_SECOND else f"{title}, {unit.symbol}"
    return StartView(
        caption="; ".join([measure.text, *(each.texts[0] for _, each in fixed)]),
        headings=("configuration", value_heading, f"× {explorer.series[explorer.baseline]}", "n"),
        lines=tuple(_line(number, row, explorer, measure, unit, largest) for number, row in rows),
    )


def _unit(measure: Measure, shown: list[Shown]) -> Unit:
    ladder = LADDERS[measure.ladder]
    return ladder[0] if measure.exact else units.chosen(ladder, [each.value for each in shown])


def _line(number: int, row: Row, explorer: Explorer, measure: Measure, unit: Unit, largest: float) -> Line:
    shown = row.values[measure.key]
    baseline = next(
        (other for other, each in enumerate(explorer.rows) if each.series == explorer.baseline and each.at == row.at),
        None,
    )
    pair = next(
        (each for each in explorer.pairs if (each.first, each.second, each.measure) == (number, baseline, measure.key)),
        None,
    )
    whole = f"{shown.value:,.0f}"
    if not measure.exact:
        whole = units.estimate(Estimate(value=shown.value, low=shown.low, high=shown.high), unit)
    value, _, interval = whole.partition(" ")
    ratio, ratio_interval, verdict = _ratio(pair)
    return Line(
        series=row.series,
        name=explorer.series[row.series],
        variant=row.variant,
        value=units.bound(value, is_bound=shown.is_bound),
        interval=interval.strip("()"),
        ratio=BASELINE if baseline == number else ratio,
        ratio_interval=ratio_interval,
        verdict=verdict,
        samples=f"{shown.samples:,}",
        share=shown.value / largest,
    )


def _ratio(pair: Pair | None) -> tuple[str, str, str]:
    """Value, interval and verdict as text."""
    if pair is None:
        return MISSING, "", ""
    found = RatioEstimate(
        value=pair.value, low=pair.low, high=pair.high, low_95=None, high_95=None, verdict=pair.verdict
    )
    interval = "" if pair.low is None or pair.high is None else units.ratio_interval(found).strip(" ()")
    return f"{units.ratio_value(found)}×", interval, f"{VERDICT_MARKS[pair.verdict]} {pair.word or pair.verdict}"
