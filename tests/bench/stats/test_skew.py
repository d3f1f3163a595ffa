"""How evenly calls are distributed over replicas."""

import pytest

from bench.results import CallsCounted
from bench.stats.skew import Skew, skew


def counted(*instances: list[int]) -> list[CallsCounted]:
    return [CallsCounted(instance=n, sent=sum(calls), producers=calls) for n, calls in enumerate(instances)]


@pytest.mark.parametrize(
    ("instances", "found"),
    [
        ([[120, 120]], Skew(1.0, "even")),
        ([[126, 114], [120, 120]], Skew(1.025, "even")),
        ([[240, 0], [0, 240]], Skew(2.0, "one")),
        ([[80, 0, 0]], Skew(3.0, "one")),
        ([[180, 60], [60, 180]], Skew(1.5, "uneven")),
        ([[129, 111], [111, 129]], Skew(1.075, "inconclusive")),
        ([[0, 240], [180, 60]], Skew(1.75, "uneven")),
    ],
)
def test_the_busiest_replica_decides(instances: list[list[int]], found: Skew) -> None:
    assert skew(counted(*instances)) == found


@pytest.mark.parametrize("instances", [[], [[240]], [[0, 0]]])
def test_without_several_replicas_or_calls_there_is_no_skew(instances: list[list[int]]) -> None:
    assert skew(counted(*instances)) is None


@pytest.mark.parametrize(
    ("sent", "producers", "front", "agree"),
    [
        (240, [120, 120], [120, 120], True),
        (240, [240, 0], None, True),
        (240, [120, 119], None, False),
        (240, [120, 120], [121, 119], False),
        (241, [120, 120], [120, 120], False),
    ],
)
def test_everybody_has_to_count_the_same(sent: int, producers: list[int], front: list[int] | None, agree: bool) -> None:
    assert CallsCounted(instance=0, sent=sent, producers=producers, front=front).agree is agree
