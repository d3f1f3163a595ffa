"""Slices over time: drift and outliers of every configuration against itself."""

import pytest

from bench.report.grouping import grouped
from bench.report.plots import Timeline
from bench.report.slices_over_time import BINS, slice_charts
from bench.results import Run
from bench.slices import Slices
from tests.support.runs import cell, run


def drifting(last_ns: float = 2e6) -> Run:
    """Twice as long at the end as at the beginning, with one outlier."""
    count = 200
    p50_ns = [1e6 + (last_ns - 1e6) * number / (count - 1) for number in range(count)]
    p50_ns[100] = 9e6
    started = [number * 100_000_000 for number in range(count)]
    return run([cell("http", slices=Slices.of(started_ns=started, p50_ns=p50_ns, ok=[5] * count))])


def test_drift_and_outliers_are_seen() -> None:
    given = drifting()
    (chart,) = slice_charts(grouped(given).groups[0], grouped(given))
    assert isinstance(chart.plot, Timeline)
    (line,) = chart.plot.lines
    assert len(line.points) == BINS
    assert line.points[-1].median / line.points[0].median == pytest.approx(2.0, rel=0.05)
    assert max(each.high for each in line.points) > 5
    assert chart.alternative.startswith("0.5 % of 200 slices took more than 1.5 times the median")
    assert chart.alternative.endswith("slower than the first")


def test_cells_without_slices_have_no_chart() -> None:
    given = run([cell("http")])
    assert list(slice_charts(grouped(given).groups[0], grouped(given))) == []
