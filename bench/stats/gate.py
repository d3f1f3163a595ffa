"""The gate: whether a comparison found a regression, showed that there is none, or neither.

A cell is a regression when its verdict is `slower` and the ratio is beyond the threshold. The absence of a regression
is shown where the whole corrected interval lies below the threshold. In between, the comparison says nothing.

The absence has to be shown in the cells that measuring time goes to first: latency through the client library, each
protocol in its own dialect, as in headline ratios. Where there are none, in all latency cells; where there are none
either, in all cells. In the other cells, throughput above all, a regression counts like any other, but one that could
not have been detected does not: with 16 requests in flight, intervals are several times as wide.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from bench.load.recorder import OK
from bench.results import Cell, RatioEstimate, Run, Verdict
from bench.spec import CellKey
from bench.stats.estimates import measure_of
from bench.stats.verdicts import compared_by, is_usual, regressed
from bench.stats.wording import configurations, counted, percent, some_of

Outcome = Literal["regression", "inconclusive", "none"]

VERDICTS: tuple[Verdict, ...] = ("slower", "faster", "same", "inconclusive")
"""In the order in which they are counted."""
HELP = "a longer run; fewer configurations; a quieter machine; a larger --threshold."
HELP_TWO_RUNS = f"--ab, which measures both versions in one run; {HELP}"
HELP_TARGETS = "Targets are not restarted, so nothing can be shown about them. Let the lab start the producers."


@dataclass(frozen=True, slots=True)
class GatedCell:
    """A cell with the ratio of its new value to its old one."""

    key: CellKey
    id: str
    ratio: RatioEstimate

    @property
    def lower_is_better(self) -> bool:
        """Whether a smaller value is the better one."""
        return measure_of(self.key).lower_is_better

    def regressed(self, threshold: float) -> bool:
        """Whether it is a regression."""
        return regressed(self.ratio, threshold, lower_is_better=self.lower_is_better)

    def cleared(self, threshold: float) -> bool:
        """Whether its interval shows that it is no regression. Without restarts no interval shows that."""
        low, high = self.ratio.low, self.ratio.high
        if self.ratio.detectable_change is None or low is None or high is None:
            return False
        worst = high if self.lower_is_better else 1 / low
        return worst <= 1 + threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The result. `threshold` is a share: 0.02 for 2 %."""

    threshold: float
    compared: list[GatedCell]
    regressions: list[str]
    """The ids of cells that got slower, and by more than the threshold."""
    required: list[GatedCell]
    """The cells in which the absence of a regression has to be shown."""
    uncleared: list[GatedCell]
    """Those of them in which it was not."""
    gaps: list[str]
    """What was not compared at all, in sentences. Any of it makes the absence of a regression unknown."""
    remedy: str
    """What would help where it is inconclusive."""

    @property
    def outcome(self) -> Outcome:
        """A regression, none, or neither shown."""
        if self.regressions:
            return "regression"
        return "inconclusive" if self.uncleared or self.gaps or not self.required else "none"

    def text(self) -> str:
        """The result in sentences, with what was not compared, what it leaves open, and what would help."""
        return " ".join([self.result(), *self.gaps, *self.open_questions()])

    def result(self) -> str:
        """What was found, how many cells have which verdict, and how small a slowdown would have been detected."""
        return " ".join([self._found(), *self._counts(), *self._detectable()])

    def _found(self) -> str:
        size = f"{self.threshold * 100:g} %"
        match self.outcome:
            case "regression":
                found = counted(len(self.regressions), "regression")
                return f"{found}, slower by more than {size}: {some_of(self.regressions)}."
            case "none":
                return f"No regression: {self._all_required()} not slower by more than {size}."
            case "inconclusive":
                return "Inconclusive."

    def _counts(self) -> Iterator[str]:
        """How many cells have each verdict."""
        if self.compared:
            counts = Counter(cell.ratio.verdict for cell in self.compared)
            yield f"{', '.join(f'{counts[verdict]} {verdict}' for verdict in VERDICTS)}."

    def _all_required(self) -> str:
        count = len(self.required)
        return f"{self.required[0].id} is" if count == 1 else f"all {count} configurations in which it matters are"

    def open_questions(self) -> Iterator[str]:
        """What an inconclusive comparison leaves open, and what would help."""
        if self.outcome != "inconclusive":
            return
        if not self.required:
            yield "Nothing was compared."
        if self.uncleared:
            which = some_of([cell.id for cell in self.uncleared])
            yield (
                f"Nothing was shown to be slower by more than {self.threshold * 100:g} %, but such a slowdown could "
                f"have stayed undetected in {len(self.uncleared)} of {counted(len(self.required), 'configuration')} "
                f"({which})."
            )
            if any(cell.ratio.undecided == "not_restarted" for cell in self.uncleared):
                yield HELP_TARGETS
            else:
                yield f"What helps: {self.remedy}"

    def _detectable(self) -> Iterator[str]:
        """How small a slowdown would have been detected."""
        changes = [each.ratio.detectable_change for each in self.required if each.ratio.detectable_change is not None]
        if changes:
            worst = f" in a typical configuration, {percent(max(changes))} in the worst" if len(changes) > 1 else ""
            yield f"Smallest detectable slowdown: {percent(median(changes))}{worst}."


def gate(compared: Sequence[GatedCell], threshold: float, gaps: Sequence[str], *, remedy: str) -> Gate:
    """The result of a comparison. `gaps`: what was not compared, in sentences. `remedy`: what would help."""
    required = _required(compared)
    return Gate(
        threshold=threshold,
        compared=list(compared),
        regressions=[cell.id for cell in compared if cell.regressed(threshold)],
        required=required,
        uncleared=[cell for cell in required if not cell.cleared(threshold)],
        gaps=list(gaps),
        remedy=remedy,
    )


def _required(compared: Sequence[GatedCell]) -> list[GatedCell]:
    """The cells in which the absence of a regression has to be shown."""
    latency = [cell for cell in compared if cell.key.measures_latency]
    return [cell for cell in latency if is_usual(cell.key)] or latency or list(compared)


def gate_of_versions(run: Run) -> Gate | None:
    """The result of a run that compares two versions: every cell of the later one against the same of the baseline.

    None for every other run.
    """
    cells, threshold = run.cells, run.plan.threshold
    if threshold is None:
        return None
    found = [(cell, compared_by(cell)) for cell in cells]
    compared = [GatedCell(cell.key, cell.id, ratio) for cell, ratio in found if ratio is not None]
    gaps = [*interrupted(run, "The run"), *without_result(cells), *with_failed_requests(cells)]
    return gate(compared, threshold, gaps, remedy=HELP)


def interrupted(run: Run, name: str) -> Iterator[str]:
    """A sentence about a run that was interrupted."""
    if run.plan.interrupted:
        done, planned = run.plan.instances_done, run.plan.instances
        yield f"{name} was interrupted with results of {done} of {counted(planned, 'instance')}."


def without_result(cells: Iterable[Cell], run: str = "") -> Iterator[str]:
    """A sentence about the cells that should have a result and have none. `run`: which run they are of."""
    ids = [cell.id for cell in cells if cell.status not in ("measured", "unsupported")]
    if ids:
        yield f"Without a result{_in(run)}: {configurations(ids)}."


def with_failed_requests(cells: Iterable[Cell], run: str = "") -> Iterator[str]:
    """A sentence about the measured cells in which requests failed, which are not compared."""
    measured = [cell for cell in cells if cell.status == "measured"]
    ids = [cell.id for cell in measured if any(count for kind, count in cell.outcomes.items() if kind != OK)]
    if ids:
        yield f"Requests failed{_in(run)}, so only the successful ones were compared: {configurations(ids)}."


def _in(run: str) -> str:
    return f" in {run}" if run else ""
