"""How far a run can be trusted, in a few words each: its ranking, its precision, its tails, its client."""

import math
from dataclasses import dataclass

from bench.results import Cell, Run
from bench.stats.estimates import LATENCY, measure_of
from bench.stats.generator import is_client_limited
from bench.stats.verdicts import compared_by, headline_cells, headline_half_width
from bench.stats.wording import counted, percent

WIDEST = 1.0
"""Half a width, as a share, from which on only that it is wider is said."""


@dataclass(frozen=True, slots=True)
class Trust:
    """One line: `ranking good · precision ±4 % · p99 for 8 of 48 · client limit in 5`."""

    ranking: str
    """How many headline verdicts were reached; empty where nothing is compared."""
    precision: str
    """Half the width of the intervals, of headline ratios where there are any, else of medians; may be empty."""
    tails: str
    """In how many configurations p99 is known; empty where no latency was measured."""
    client: str
    """In how many configurations the client was the limit."""
    warnings: str
    """How many warnings and notes the run has; empty without any."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Those that are known."""
        return tuple(filter(None, (self.ranking, self.precision, self.tails, self.client, self.warnings)))

    @property
    def line(self) -> str:
        """All in a row."""
        return " · ".join(self.parts)


def trust_of(run: Run) -> Trust:
    """What a run's own data say about it."""
    measured = [cell for cell in run.cells if cell.status == "measured"]
    return Trust(_ranking(run), _precision(measured), _tails(measured), _client(run), _warnings(run))


def _ranking(run: Run) -> str:
    headline = headline_cells(run.cells)
    ratios = [found for cell in headline if (found := compared_by(cell)) is not None]
    if not ratios:
        return ""
    decided = sum(ratio.verdict != "inconclusive" for ratio in ratios)
    if decided == len(ratios):
        return f"ranking good ({decided} of {counted(len(ratios), 'verdict')})"
    if not decided and all(ratio.undecided == "not_restarted" for ratio in ratios):
        return "ranking unknown (targets not restarted)"
    if not decided and not any(len(set(cell.slices.instance)) > 1 for cell in headline):
        return "ranking unknown (one instance)"
    return f"ranking {'partial' if decided else 'unknown'} ({decided} of {counted(len(ratios), 'verdict')})"


def _precision(measured: list[Cell]) -> str:
    """The widest interval of all headline ratios; where there are none, of all medians."""
    ratios = [width for cell in headline_cells(measured) if (width := headline_half_width(cell)) is not None]
    if ratios:
        return f"precision {_within(max(ratios))}"
    widths = [width for cell in measured if (width := _half_width(cell)) is not None]
    return f"precision of medians {_within(max(widths))}" if widths else ""


def _within(half_width: float) -> str:
    return f"±{percent(half_width)}" if half_width <= WIDEST else f"worse than ±{percent(WIDEST)}"


def _half_width(cell: Cell) -> float | None:
    median = cell.latency_ns.p50 if cell.latency_ns is not None else None
    if measure_of(cell) is not LATENCY or median is None or not median.low or not median.high:
        return None
    return math.sqrt(median.high / median.low) - 1


def _tails(measured: list[Cell]) -> str:
    latency = [cell for cell in measured if cell.load is not None and measure_of(cell) is LATENCY]
    known = sum(cell.latency_ns is not None and cell.latency_ns.p99 is not None for cell in latency)
    return f"p99 for {known} of {len(latency)}" if latency else ""


def _client(run: Run) -> str:
    """Bounds, and configurations that have no result because the load generator was the limit."""
    limited = sum(cell.status == "generator_limited" or is_client_limited(cell) for cell in run.cells)
    if limited:
        return f"client limit in {limited}"
    return "client never the limit" if any(cell.load is not None for cell in run.cells) else ""


def _warnings(run: Run) -> str:
    grades = [warning.grade for warning in run.warnings]
    return ", ".join(counted(grades.count(grade), grade) for grade in ("warning", "note") if grade in grades)
