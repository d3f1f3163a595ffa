"""When the workers of a slice began, known without comparing the clocks of two machines. Pure.

The bench notes on its own clock when it sent a worker the plan of a slice, and when the worker's reply arrived. The
worker read the plan in between, and measures on its own clock how long after that the slice began. That time added to
both moments gives the earliest and the latest start on the bench's clock. They are one round trip of the message apart.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.load_models import Load, OpenLoad
from bench.slices import Slice
from bench.stats.generator import LAG_OF_LATENCY
from bench.stats.wording import percent

WINDOW_OF_SLICE = 0.1
"""The share of a slice's duration within which all of its workers have to begin."""


def window_ns(duration_ns: int) -> int:
    """Within which time the workers of a slice of this duration have to begin."""
    return round(duration_ns * WINDOW_OF_SLICE)


@dataclass(frozen=True, slots=True)
class Started:
    """What is known of the start of one worker's part of a slice."""

    sent_ns: int
    """When the plan was sent, on the bench's clock."""
    heard_ns: int
    """When the reply to it arrived, on the same clock."""
    after_ns: int
    """From reading the plan until the slice began, on the worker's clock."""

    @property
    def earliest_ns(self) -> int:
        """Not earlier than this did it begin, on the bench's clock."""
        return self.sent_ns + self.after_ns

    @property
    def latest_ns(self) -> int:
        """Not later than this."""
        return self.heard_ns + self.after_ns


def spread_ns(starts: Iterable[Started]) -> int:
    """Within which time all of them began, at most."""
    found = list(starts)
    return max(each.latest_ns for each in found) - min(each.earliest_ns for each in found)


def why_left_out(started: Started, measured: Slice, load: Load, *, first_ns: int, allowed_ns: int) -> str | None:
    """Why a worker's part of a slice must not be among its results, in words; None where it may.

    `first_ns`: when the first worker began, at the earliest, on the bench's clock. `allowed_ns`: by how much later
    another may begin, and for how long it may have stood still.
    """
    late_ns = started.latest_ns - first_ns
    if late_ns > allowed_ns:
        how = "began" if started.earliest_ns - first_ns > allowed_ns else "may have begun"
        return f"it {how} {_ms(late_ns)} after the first, and {_ms(allowed_ns)} are allowed"
    if measured.loop_stall_ns > allowed_ns:
        return f"it stood still for {_ms(measured.loop_stall_ns)}, and {_ms(allowed_ns)} are allowed"
    lag_ns, latency_ns = measured.send_lag_p50_ns, measured.p50_ns
    if isinstance(load, OpenLoad) and lag_ns and latency_ns and lag_ns > LAG_OF_LATENCY * latency_ns:
        return f"its requests left late by {percent(lag_ns / latency_ns)} of their median latency"
    return None


def _ms(time_ns: float) -> str:
    return f"{time_ns / 1e6:,.0f} ms"
