"""Trials of fronts: one after the other, each with processes of its own, until the user asks to stop."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from msgspec.structs import replace

from bench.fronts.found import Found
from bench.fronts.registry import behind
from bench.runner.front_chain import ChainPlan
from bench.runner.job import Job
from bench.runner.processes import ProcessFailed
from bench.runner.session import Session, Stopped

Result = TypeVar("Result", bound=Found)
LASTING_S = (1.0, 10.0)
"""For how long most trials are measured, at least and at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial(ABC, Generic[Result]):
    """What is tried behind one front, as one protocol's consumer sees it."""

    protocol: str
    front: str
    """A name in FRONTS, or NONE."""

    @property
    @abstractmethod
    def text(self) -> str:
        """What is tried, in a few words."""

    @property
    @abstractmethod
    def asked(self) -> Result:
        """The result, before anything is known."""

    @property
    @abstractmethod
    def plan(self) -> ChainPlan:
        """What is started for it."""

    @abstractmethod
    async def measured(self, session: Session, job: Job, seconds: float) -> Result:
        """Start what it needs, and measure for so long. Raises ProcessFailed."""


def seconds_each(seconds: float, count: int, starting_s: float, lasting_s: tuple[float, float]) -> float:
    """For how long each of so many trials is measured, so that all take about `seconds`."""
    shortest_s, longest_s = lasting_s
    return min(max(seconds / max(count, 1) - starting_s, shortest_s), longest_s)


async def try_all(job: Job, trials: Sequence[Trial[Result]], seconds: float) -> list[Result]:
    """Carry them out, each for so long. Returns what was found before the user asked to stop."""
    found: list[Result] = []
    for number, trial in enumerate(trials):
        job.on_progress(number / len(trials), f"{trial.protocol} {behind(trial.front)}: {trial.text}")
        try:
            found.append(await _try(job, trial, seconds))
        except Stopped:
            break
    return found


async def _try(job: Job, trial: Trial[Result], seconds: float) -> Result:
    if (reason := trial.plan.why_not()) is not None:
        return replace(trial.asked, unsupported=reason)
    try:
        async with Session(job.pinning, job.stop) as session:
            return await session.unless_stopped(trial.measured(session, job, seconds))
    except ProcessFailed as error:
        return replace(trial.asked, trouble=str(error))
