"""When workers began, from durations on several clocks, and who is left out."""

from dataclasses import dataclass
from random import Random

import pytest
from msgspec.structs import replace

from bench.cluster.starts import Started, spread_ns, why_left_out, window_ns
from bench.load_models import ClosedLoad, Load, OpenLoad
from bench.slices import Slice

MS = 1_000_000
GOOD = Slice(ok=100, p50_ns=2 * MS, send_lag_p50_ns=0.1 * MS, loop_stall_ns=3 * MS)
ON_TIME = Started(sent_ns=0, heard_ns=2 * MS, after_ns=50 * MS)


@dataclass
class Machine:
    """A machine with a clock of its own, which is wrong by `offset_ns`."""

    offset_ns: int

    def clock_ns(self, true_ns: int) -> int:
        return true_ns + self.offset_ns


def test_the_start_is_between_the_bounds_whatever_the_clocks_show() -> None:
    random = Random(1)
    for _ in range(1000):
        bench, worker = (Machine(random.randrange(-(10**15), 10**15)) for _ in range(2))
        sent = random.randrange(10**9)
        read = sent + random.randrange(20 * MS)
        heard = read + random.randrange(20 * MS)
        began = read + random.randrange(100 * MS)
        started = Started(
            sent_ns=bench.clock_ns(sent),
            heard_ns=bench.clock_ns(heard),
            after_ns=worker.clock_ns(began) - worker.clock_ns(read),
        )
        assert started.earliest_ns <= bench.clock_ns(began) <= started.latest_ns
        assert started.latest_ns - started.earliest_ns == heard - sent


def test_the_window_covers_all_starts() -> None:
    starts = [Started(0, 2 * MS, 50 * MS), Started(MS, 4 * MS, 50 * MS)]
    assert spread_ns(starts) == 54 * MS - 50 * MS


def test_a_tenth_of_a_slice_is_allowed() -> None:
    assert window_ns(1_000 * MS) == 100 * MS


@pytest.mark.parametrize(
    ("started", "measured", "load", "reason"),
    [
        (ON_TIME, GOOD, OpenLoad(rate_hz=100), None),
        (ON_TIME, GOOD, ClosedLoad(concurrency=4), None),
        (
            Started(0, 2 * MS, 200 * MS),
            GOOD,
            OpenLoad(rate_hz=100),
            "it began 152 ms after the first, and 100 ms are allowed",
        ),
        (
            Started(0, 120 * MS, 50 * MS),
            GOOD,
            ClosedLoad(concurrency=4),
            "it may have begun 120 ms after the first, and 100 ms are allowed",
        ),
        (
            ON_TIME,
            replace(GOOD, loop_stall_ns=400 * MS),
            ClosedLoad(concurrency=4),
            "it stood still for 400 ms, and 100 ms are allowed",
        ),
        (
            ON_TIME,
            replace(GOOD, send_lag_p50_ns=1.5 * MS),
            OpenLoad(rate_hz=100),
            "its requests left late by 75 % of their median latency",
        ),
        # A slow server is no reason.
        (ON_TIME, replace(GOOD, p50_ns=9_000 * MS), OpenLoad(rate_hz=100), None),
        (ON_TIME, replace(GOOD, ok=0, failed=100, p50_ns=None, send_lag_p50_ns=None), OpenLoad(rate_hz=100), None),
    ],
)
def test_who_is_left_out(started: Started, measured: Slice, load: Load, reason: str | None) -> None:
    assert why_left_out(started, measured, load, first_ns=50 * MS, allowed_ns=100 * MS) == reason
