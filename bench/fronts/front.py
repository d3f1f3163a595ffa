"""What a front is: a proxy between consumers and producers, which is configured, started and asked for counts. Pure.

A front is one process with one listener. Cells that need another configuration have another process. In every front
one thread serves, so that CPU time per request can be compared, and nothing is tried again unless a plan says so.
"""

import shlex
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from bench.fronts.counts import Counts
from bench.fronts.plan import FrontPlan
from bench.protocols import title

if TYPE_CHECKING:
    import jinja2


@dataclass(frozen=True, slots=True)
class Question:
    """How one part of a front's statistics is asked for. The answer is all bytes up to the end."""

    name: str
    """A Unix socket in the front's directory, or a file."""
    request: bytes = b""
    """What is sent to the socket; empty: `name` is a file, which is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What a front does in its own way, in words: what readers have to know to compare fronts."""

    balances: str
    """What it sends to one replica after the other by default."""
    checks: str
    """How it learns that a replica is not ready, or gone."""
    compresses: str
    """With what; empty where it cannot."""
    streams: str
    """How many calls at a time it takes over one HTTP/2 connection of a client, without `FrontLimits.streams`."""
    idle: str
    """When connections without requests end."""
    beyond_connections: str
    """What happens to connections beyond `FrontLimits.connections`."""
    beyond_in_flight: str
    """What happens to requests beyond `FrontLimits.in_flight`."""
    beyond_rate: str
    """What happens to requests beyond `FrontLimits.rate_hz`."""
    counts: str
    """What it counts of each replica."""


class Front(ABC):
    """One kind of front."""

    name: ClassVar[str]
    """As in flags and run files."""
    program: ClassVar[str]
    """The program's name, as it is found on PATH."""
    template: ClassVar[str]
    """Of its configuration, in `bench/fronts/templates`."""
    config: ClassVar[str]
    """The name of the file that its program reads."""
    habits: ClassVar[Habits]
    version_flag: ClassVar[str]
    """The flag with which its program prints its version."""

    @abstractmethod
    def why_not(self, plan: FrontPlan) -> str | None:
        """What of the plan the front cannot do, in words; None when it can do all."""

    @abstractmethod
    def command(self, program: str, directory: str) -> list[str]:
        """What starts it in the foreground. `directory` holds the rendered files and `FrontPlan.files`."""

    @abstractmethod
    def version(self, printed: str) -> str:
        """The version in what the program printed for `version_flag`; empty where there is none."""

    def reason(self, errors: Sequence[str]) -> str:
        """Why its program ended, from the last lines that it wrote to stderr; empty where it wrote nothing."""
        return errors[-1] if errors else ""

    @abstractmethod
    def questions(self, plan: FrontPlan) -> tuple[Question, ...]:
        """How its statistics are asked for. None of it takes part in serving requests."""

    @abstractmethod
    def counts(self, plan: FrontPlan, answers: Sequence[bytes]) -> Counts:
        """What the answers say, one for each question. Raises BadStatistics."""

    def render(self, plan: FrontPlan, directory: str) -> dict[str, str]:
        """The files of its configuration by name, for use in `directory`. The plan is one that it can do."""
        command = shlex.join(self.command(self.program, directory))
        values = {"plan": plan, "directory": directory, "command": command, **self.values(plan, directory)}
        return {self.config: _environment().get_template(self.template).render(values)}

    @abstractmethod
    def values(self, plan: FrontPlan, directory: str) -> dict[str, object]:
        """What its template needs besides `plan` and `directory`."""


def milliseconds(seconds: float) -> str:
    """As HAProxy and nginx write times: `1500ms`."""
    return f"{round(seconds * 1000)}ms"


def seconds(value_s: float) -> str:
    """As Envoy writes times: `1.5s`."""
    return f"{value_s:.6f}".rstrip("0").rstrip(".") + "s"


@cache
def _environment() -> "jinja2.Environment":
    import jinja2  # noqa: PLC0415 - most commands render no configuration

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.fronts", "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - configurations are not HTML
    )
    environment.filters.update(ms=milliseconds, s=seconds)
    return environment


def why_no_gzip(plan: FrontPlan) -> str | None:
    """Why no front can compress what the plan says, in words."""
    reason = plan.row.why_no_front_gzip
    return f"no front can compress {title(plan.protocol)}: {reason}" if plan.gzip and reason else None


def why_no_call_status(plan: FrontPlan) -> str | None:
    """Why a refusal cannot have a status of the call, in words."""
    if plan.limits.call_status and not plan.row.call_status:
        return f"{title(plan.protocol)} has no status of a call besides that of HTTP"
    return None


def why_no_queue(plan: FrontPlan) -> str | None:
    """Why the queue of the plan would never be used, in words."""
    limits = plan.limits
    if limits.in_flight is None and (limits.queue is not None or limits.queue_s is not None):
        return "a queue needs a limit of requests in flight, behind which they wait"
    return None


def first(*reasons: str | None) -> str | None:
    """The first reason that is one."""
    return next((reason for reason in reasons if reason is not None), None)
