"""Slices over the time of a run: whether the machine became slower or faster meanwhile, and what stands out. Pure."""

from collections.abc import Iterator, Sequence
from statistics import median

from bench.report.document import Chart
from bench.report.grouping import Grouping, LoadGroup, WorkloadGroup
from bench.report.plots import Bin, Line, Timeline
from bench.stats.wording import percent

BINS = 48
"""Bins of a chart; each shows the median of its slices and the extremes."""
OUTLIER = 1.5
"""A slice that takes this many times the median of its configuration stands out."""
BOTTOM, TOP = (0.25, 0.5), (2.0, 4.0)
"""Between which values an axis begins and ends, depending on what it shows."""
NS_PER_S = 1e9

Relative = list[tuple[float, float]]
"""Seconds since the run began, and latency as a share of the configuration's median."""


def slice_charts(group: WorkloadGroup, grouping: Grouping) -> Iterator[Chart]:
    """A chart for each load that measures latency."""
    for load in group.loads:
        found = _by_series(load, grouping) if load.is_latency else {}
        if found:
            yield _chart(group, load, grouping, found)


def _by_series(load: LoadGroup, grouping: Grouping) -> dict[int, Relative]:
    """All slices of all variants, each relative to its own configuration."""
    found: dict[int, Relative] = {}
    for cell in load.cells:
        rows = [(each.started_ns / NS_PER_S, each.p50_ns) for each in cell.slices if each.p50_ns]
        if len(rows) < 2:
            continue
        usual = median(p50_ns for _, p50_ns in rows)
        found.setdefault(grouping.series_number(cell), []).extend((at, p50_ns / usual) for at, p50_ns in rows)
    return found


def _chart(group: WorkloadGroup, load: LoadGroup, grouping: Grouping, found: dict[int, Relative]) -> Chart:
    values = [value for rows in found.values() for _, value in rows]
    first, last = (edge(at for rows in found.values() for at, _ in rows) for edge in (min, max))
    width = (last - first) / BINS or 1.0
    lines = tuple(Line(series, tuple(_bins(sorted(rows), first, width))) for series, rows in found.items())
    domain = max(BOTTOM[0], min(BOTTOM[1], *values)), min(TOP[1], max(TOP[0], *values))
    beyond = sum(value > OUTLIER for value in values) / len(values)
    return Chart(
        Timeline(lines, "relative to the median of the configuration", domain),
        f"{group.title}: median latency of slices over time. Lines: median of slices. Bars: extremes",
        f"{percent(beyond)} of {len(values):,} slices took more than {OUTLIER:g} times the median of their "
        f"configuration; {_drift(found)}",
        in_table=False,
    )


def _bins(rows: Sequence[tuple[float, float]], first: float, width: float) -> Iterator[Bin]:
    binned: dict[int, list[float]] = {}
    for at, value in rows:
        binned.setdefault(min(BINS - 1, int((at - first) / width)), []).append(value)
    for number, values in sorted(binned.items()):
        yield Bin(first + (number + 0.5) * width, min(values), median(values), max(values))


def _drift(found: dict[int, Relative]) -> str:
    """The last third of the run against the first third."""
    rows = sorted(row for some in found.values() for row in some)
    third = max(1, len(rows) // 3)
    early, late = (median(value for _, value in some) for some in (rows[:third], rows[-third:]))
    change = late / early - 1
    return f"the last third of the run was {percent(abs(change))} {'slower' if change > 0 else 'faster'} than the first"
