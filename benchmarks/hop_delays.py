"""`python -m benchmarks.hop_delays`: does the lab find what a front adds, when that is known?

Three fronts forward bytes in the same way: one delays requests by 300 µs, two by nothing. All of them are measured like
any other front, with real processes, beside the producers alone. What each adds is a difference of paired slices. That
of the delaying front minus that of the first must be 300 µs within 10 %, and that of the second minus that of the first
must not differ from nothing: its interval includes 0, or it is smaller than a tenth of 300 µs. Exits with 1 otherwise.
Best on an idle machine with a core for each process.
"""

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated, ClassVar

import typer

from bench.fronts.counts import Counts
from bench.fronts.front import Front, Question
from bench.fronts.plan import FrontPlan
from bench.fronts.registry import FRONTS, NONE, FrontRow
from bench.load_models import ClosedLoad
from bench.plan import Matrix
from bench.results import Estimate, Run
from bench.stats.client_cost import latency_difference
from bench.stats.hops import hops
from benchmarks.repeated import command_of
from commands import command_line, values
from commands.errors import ExitCode
from producers.registry import PRODUCERS
from tests.support import measuring

DELAY_NS = 300_000
TOLERANCE = 0.1
NOTHING, AGAIN, DELAYED = "immediate", "immediate-again", "delayed"


class Immediate(Front):
    """A front that forwards bytes."""

    name: ClassVar[str] = NOTHING
    program: ClassVar[str] = "python3"
    version_flag: ClassVar[str] = "--version"
    delay_ns: ClassVar[int] = 0

    def why_not(self, plan: FrontPlan) -> str | None:
        """It forwards anything."""
        return None

    def command(self, program: str, directory: str) -> list[str]:
        """With this interpreter. What it needs to know is in a file, as its directory is."""
        return [sys.executable, "-P", "-m", "benchmarks.delaying_front", f"{directory}/plan"]

    def version(self, printed: str) -> str:
        """That of Python."""
        return printed.strip()

    def questions(self, plan: FrontPlan) -> tuple[Question, ...]:
        """It counts nothing."""
        return ()

    def counts(self, plan: FrontPlan, answers: Sequence[bytes]) -> Counts:
        """It counts nothing."""
        return Counts(replicas={})

    def render(self, plan: FrontPlan, directory: str) -> dict[str, str]:
        """Port, producer and delay."""
        return {"plan": f"{plan.address.rpartition(':')[2]} {plan.upstreams[0]} {self.delay_ns}"}

    def values(self, plan: FrontPlan, directory: str) -> dict[str, object]:
        """It has no template."""
        return {}


class Delayed(Immediate):
    """The same, with a delay."""

    name: ClassVar[str] = DELAYED
    delay_ns: ClassVar[int] = DELAY_NS


class Again(Immediate):
    """The same as the first under another name."""

    name: ClassVar[str] = AGAIN


def register() -> None:
    """Make the fronts known, in this process."""
    for one in (Immediate, Again, Delayed):
        FRONTS[one.name] = FrontRow(
            name=one.name, title=one.name, install="", front_at=f"benchmarks.hop_delays:{one.__name__}"
        )


async def measured(protocols: Sequence[str], rounds: int, instances: int) -> Run:
    """A run with all fronts."""
    fronts = (NONE, NOTHING, AGAIN, DELAYED)
    matrix = Matrix({"protocol": protocols, "front": fronts, "load": [ClosedLoad(concurrency=1)]})
    plan = measuring.plan_of([], [], matrix=matrix, rounds=rounds, instances=instances)
    run = await measuring.measured(plan)
    for warning in run.warnings:
        if warning.code in ("cells_failed", "errors_seen", "process_trouble"):
            print(f"{warning.code}: {warning.text}", file=sys.stderr)
    return run


def microseconds(found: Estimate | None) -> str:
    """`+301 (+298 to +305)`."""
    if found is None:
        return "no result"
    ends = "" if found.low is None or found.high is None else f" ({found.low / 1e3:+.1f} to {found.high / 1e3:+.1f})"
    return f"{found.value / 1e3:+.1f}{ends}"


def is_right(name: str, more: Estimate | None) -> bool:
    """Whether that is what this front adds to what the first one does."""
    if more is None:
        return False
    if name == DELAYED:
        return abs(more.value - DELAY_NS) <= TOLERANCE * DELAY_NS
    includes_0 = more.low is not None and more.high is not None and more.low <= 0 <= more.high
    return includes_0 or abs(more.value) <= TOLERANCE * DELAY_NS


def compare(run: Run) -> bool:
    """Print what was found. Returns whether it is right."""
    print("| protocol | front | adds to p50, µs | more than the first front, µs | must be |")
    print("|---|---|---|---|---|")
    due = {NOTHING: "", AGAIN: "0", DELAYED: f"{DELAY_NS / 1e3:g} ± {TOLERANCE * DELAY_NS / 1e3:g}"}
    right = True
    for protocol in dict.fromkeys(cell.protocol for cell in run.cells):
        found = {hop.behind.front: hop for hop in hops([cell for cell in run.cells if cell.protocol == protocol])}
        right &= due.keys() == found.keys()
        for name, hop in found.items():
            more = None if name == NOTHING else latency_difference(hop.behind.slices, found[NOTHING].behind.slices)
            beside = "" if name == NOTHING else microseconds(more)
            print(f"| {protocol} | {name} | {microseconds(hop.added_p50_ns)} | {beside} | {due[name]} |", flush=True)
            right &= name == NOTHING or is_right(name, more)
    return right


app = command_line.application("Measure fronts that delay by a known time, and compare.")


@app.command()
def hop_delays(
    protocol: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Comma-separated; all by default.")
    ] = None,
    rounds: Annotated[
        int, typer.Option(parser=values.whole_number(1, 10_000), metavar="N", help="Rounds of each instance.")
    ] = 40,
    instances: Annotated[
        int, typer.Option(parser=values.whole_number(2, 100), metavar="N", help="Fresh starts of all processes.")
    ] = 3,
) -> int:
    """Print what each front adds; exit 1 when a known delay, or none, was not found."""
    protocols = [values.one_of(PRODUCERS)(name) for name in values.comma_list(protocol or PRODUCERS)]
    print(f"{command_of('benchmarks.hop_delays')}\n", flush=True)
    register()
    right = compare(asyncio.run(measured(protocols, rounds, instances)))
    print(f"\nknown delays found within {TOLERANCE:.0%}, and nothing where there is none: {'yes' if right else 'NO'}")
    return ExitCode.FINE if right else ExitCode.REGRESSION


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.hop_delays"))
