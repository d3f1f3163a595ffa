"""Where the answer flips, for every workload of a run: below which rate gzip pays, and who beats the baseline. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.model.break_even import BreakEven
from bench.model.choices import Choices, Conditions, twin
from bench.model.parts import Arm
from bench.model.payload import exactly
from bench.network.profile import Profile
from bench.results import Workload

NO_DISTANCE = Profile()
"""Over connections that are open every arm takes one round trip, so its time moves no crossing."""


@dataclass(frozen=True, slots=True)
class Flip:
    """The rates at which one arm is faster than another, as fast up as down, over an open connection."""

    workload: Workload
    arm: Arm
    other: Arm
    found: BreakEven


def gzip_flips(choices: Choices) -> Iterator[Flip]:
    """Every arm with gzip against itself without."""
    for arm in choices.parts.exchanges:
        other = twin(choices.parts, arm)
        if arm.gzip and other is not None:
            yield from _flips(choices, arm, other)


def baseline_flips(choices: Choices) -> Iterator[Flip]:
    """Every arm of another protocol against the baseline's with the same gzip and TLS."""
    parts = choices.parts
    for arm in parts.exchanges:
        other = Arm(parts.baseline, arm.gzip, arm.tls)
        if arm != other and other in parts.exchanges:
            yield from _flips(choices, arm, other)


def _flips(choices: Choices, arm: Arm, other: Arm) -> Iterator[Flip]:
    for workload in choices.parts.payload_bytes:
        conditions = Conditions(at=exactly(choices.parts, workload), link=NO_DISTANCE, tls=arm.tls)
        found = choices.rate_break_even(arm, other, conditions)
        if found is not None:
            yield Flip(workload, arm, other, found)
