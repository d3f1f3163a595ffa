"""Programs beside the bench: they take the share of the CPU that they are said to take, and end."""

from itertools import islice

import psutil
import pytest

from bench.machine import usable_cpus
from benchmarks.neighbours import bursts, neighbours


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_bursts_take_the_share_that_is_asked_for(share: float) -> None:
    some = list(islice(bursts(share, seed=1), 20_000))
    busy_s, idle_s = (sum(times) for times in zip(*some, strict=True))
    assert busy_s / (busy_s + idle_s) == pytest.approx(share, rel=0.05)


def test_there_is_one_for_each_cpu_until_the_end() -> None:
    before = set(psutil.Process().children())
    with neighbours(0.01):
        running = set(psutil.Process().children()) - before
        assert len(running) == len(usable_cpus())
    assert not any(each.is_running() for each in running)


def test_without_a_share_there_are_none() -> None:
    before = psutil.Process().children()
    with neighbours(None):
        assert psutil.Process().children() == before
