"""Where the parts of an advice come from, and what makes it less than certain. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bench.model.parts import Parts
from bench.results import Run
from bench.stats.wording import counted, some_of

REAL_LINKS = (
    "A real link also loses packets, and lets a new connection find its pace first: an answer of more than about 14 kB "
    "(RFC 6928) takes some round trips more there. Headers of TCP and IP add 3 to 4 % to long answers."
)
OF_TAILS = ("few_samples_in_tail",)
"""Warnings that do not concern medians, which is all that a model uses."""
_AGES_S = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def origin(path: str, run: Run, now: datetime, unlike: Sequence[str]) -> str:
    """Which file, how old, of which machine."""
    where = "on this machine" if not unlike else f"on {run.environment.get('host', 'an unknown machine')}"
    restarts = counted(run.plan.instances_done, "instance")
    return f"parts from {path}, measured {_ago(run.started_at, now)} {where}, {restarts}"


def warnings(run: Run, parts: Parts, unlike: Sequence[str], *, new: bool) -> list[str]:
    """In words; none where everything is as it should be. `new`: connections are new."""
    found = []
    if unlike:
        found.append(
            f"The parts were measured on another machine or with other versions ({some_of(unlike)}), so they need not "
            "hold here. Leave --run out to measure here."
        )
    if not parts.restarted:
        found.append(
            "The producers were started once only, so there is no verdict: how much a fresh start would move these "
            "figures is not known."
        )
    if new and any(set_up.latency_ns is None for set_up in parts.set_ups.values()):
        found.append(
            "What setting up a connection takes beside its round trips and bytes was not measured in this run, and "
            "counts as nothing. Measure with --connection persistent,new."
        )
    codes = list(dict.fromkeys(warning.code for warning in run.warnings if warning.code not in OF_TAILS))
    if codes:
        found.append(f"The run that the parts are from has warnings of its own: {some_of(codes)}.")
    return found


def _ago(started_at: str, now: datetime) -> str:
    try:
        passed_s = (now - datetime.fromisoformat(started_at)).total_seconds()
    except (ValueError, TypeError):
        return "at an unknown time"
    for name, size_s in _AGES_S:
        if passed_s >= size_s:
            return f"{counted(int(passed_s // size_s), name)} ago"
    return "just now"
