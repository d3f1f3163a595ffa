"""The percentile spectrum, from the stored histogram."""

import base64

import numpy as np
import pytest

from bench.report.percentile_curve import points
from tests.support.runs import histogram


def test_points_are_the_percentiles_of_what_was_recorded() -> None:
    latencies = [1000 * (index + 1) for index in range(10_000)]
    found = points(histogram(latencies))
    for point in found:
        assert point.latency_ns == pytest.approx(np.quantile(latencies, 1 - 10**-point.nines), rel=0.005)
    assert [point.nines for point in found] == sorted(point.nines for point in found)
    assert [point.latency_ns for point in found] == sorted(point.latency_ns for point in found)


def test_the_line_ends_where_fewer_than_ten_answers_lie_beyond() -> None:
    assert max(point.nines for point in points(histogram(list(range(1, 1001))))) == pytest.approx(2.0)
    assert max(point.nines for point in points(histogram(list(range(1, 10_001))))) == pytest.approx(3.0)
    assert points(histogram([5] * 10)) == []


@pytest.mark.parametrize("text", [None, "", "x", "HISTFAAA", base64.b64encode(b"\x00" * 40).decode(), "é", "AAAA" * 30])
def test_what_is_no_histogram_has_no_points(text: str | None) -> None:
    assert points(text) == []


def test_a_histogram_cut_short_has_no_points() -> None:
    assert points(histogram(list(range(1, 1001)))[:-12]) == []
