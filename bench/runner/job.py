"""A job: a plan with everything else that is needed to carry it out and to describe the run."""

import asyncio
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bench.cluster.cluster import Cluster
from bench.machine import Pinning
from bench.plan import RunPlan
from bench.results import AccessUsed, Cell, PlanUsed, RecipesUsed, Run, RunWarning
from consumers.access import TLS_VERSIONS, Access


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHeader:
    """What a run file says of the run as a whole."""

    started_at: str
    duration_s: float
    command: str
    environment: dict[str, Any]
    recipes: RecipesUsed

    def run(self, plan: RunPlan, used: PlanUsed, cells: list[Cell], warnings: list[RunWarning]) -> Run:
        """The run with this header. `used`: what became of the plan."""
        return Run(
            started_at=self.started_at,
            duration_s=self.duration_s,
            command=self.command,
            note=plan.note,
            seed=plan.seed,
            environment=self.environment,
            recipes=self.recipes,
            requests=None if plan.requests is None else plan.requests.used,
            plan=replace(used, access=_access_used(plan.access)),
            warnings=warnings,
            cells=cells,
        )


def _access_used(access: Access) -> AccessUsed:
    return AccessUsed(
        headers=[header.label for header in access.headers],
        client_certificate=access.client_certificate is not None,
        insecure=access.insecure,
        tls_min=None if access.tls_min == TLS_VERSIONS[0] else access.tls_min,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A plan, where its versions are built and its certificates written."""

    plan: RunPlan
    ids: Sequence[int]
    """Of the recipes to ask for."""
    own_ids: Mapping[int, str] = field(default_factory=dict)
    """Of these, the ids that they had before they were renumbered."""
    certificates: Path | None
    """The directory of the producers' certificates; None: they serve no TLS, or the lab does not start them."""
    pinning: Pinning
    on_progress: Callable[[float, str], None]
    """Called with the share done and what is being done."""
    stop: asyncio.Event
    """Set when the user asks to stop. What was measured before is kept."""
    header: Callable[[], RunHeader]
    """The header of the run as it is now."""
    cluster: Cluster | None = None
    """What sends the requests; None: load processes of this machine."""

    def access(self, protocol: str) -> Access:
        """What a producer of this protocol demands. The lab's own authority is trusted with those that it starts."""
        found = self.plan.access
        ca = found.ca if self.certificates is None else self.certificates / "ca.pem"
        return dataclasses.replace(found, headers=found.headers_of(protocol), ca=ca)
