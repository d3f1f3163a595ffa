"""What commands that restart or harm replicas under load have in common: flags, a plan, and how they end."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Protocol

import typer

from bench.cli import matrix_flags
from bench.cli.flag_lists import numbers
from bench.cli.matrix_flags import WHAT
from bench.dimension import Dimension
from bench.load_models import OpenLoad
from bench.plan import Matrix, RunPlan
from bench.spec import DEFAULT_CORES
from bench.workloads import Workload
from commands.errors import ExitCode

USUAL = {"front": "haproxy", "replicas": "2", "gzip": "off", "tls": "off", "cores": DEFAULT_CORES}
"""The values of dimensions that they have by default. Nothing keeps cores awake."""
USUAL_INTERVAL = "0.5"
INTERVALS_S = (0.05, 60.0)
OFF = "off"
HEADINGS = ("protocol", "implementation", "TLS", "TLS at", "connection", "front", "replicas")

CheckIntervalFlag = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SECONDS",
        rich_help_panel=WHAT,
        help=f"Between two health checks of the front. Comma-separated. [default: {USUAL_INTERVAL}]",
    ),
]


class Experimented(Protocol):
    """The result of one experiment."""

    @property
    def status(self) -> str:
        """`measured`, `unsupported` or `failed`."""

    @property
    def untrusted(self) -> str | None:
        """Why its figures are not to be trusted."""


def is_varied(dimension: Dimension) -> bool:
    """Whether they have the flag of a dimension."""
    return dimension.heading in HEADINGS


def intervals_s(given: Sequence[str] | None) -> list[float]:
    """The intervals of health checks that were chosen. Raises UsageError."""
    return numbers("--check-interval", given or [USUAL_INTERVAL], *INTERVALS_S)


def plan_of(
    values: Mapping[str, Sequence[Any]], *, rate_hz: float, seconds: float, recipes: str, seed: int, timeout_s: float
) -> RunPlan:
    """A plan of requests at a fixed rate. Raises UsageError for values that do not go together."""
    loads = [OpenLoad(rate_hz=rate_hz)]
    matrix_flags.check(values, loads)
    return RunPlan(
        matrix=Matrix({**values, "workload": [Workload(name="get")], "load": loads}),
        instances=1,
        rounds=1,
        seconds=seconds,
        slice_ns=0,
        seed=seed,
        recipes=recipes,
        timeout_s=timeout_s,
    )


def exit_code(found: Iterable[Experimented]) -> int:
    """Untrusted where a figure is, where an experiment failed, and where nothing was measured."""
    results = list(found)
    untrusted = any(each.untrusted is not None or each.status == "failed" for each in results)
    nothing = not any(each.status == "measured" for each in results)
    return ExitCode.UNTRUSTED if untrusted or nothing else ExitCode.FINE
