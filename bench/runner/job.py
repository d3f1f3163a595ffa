"""A job: a plan with everything else that is needed to carry it out and to describe the run."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.machine import Pinning
from bench.plan import RunPlan
from bench.results import RecipesUsed


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHeader:
    """What a run file says of the run as a whole."""

    started_at: str
    duration_s: float
    command: str
    environment: dict[str, Any]
    recipes: RecipesUsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A plan, where its versions are built and its certificates written."""

    plan: RunPlan
    ids: Sequence[int]
    """Of the recipes to ask for."""
    certificates: Path | None
    """The directory of the producers' certificates; None: they serve no TLS, or the lab does not start them."""
    pinning: Pinning
    on_progress: Callable[[float, str], None]
    """Called with the share done and what is being done."""
    stop: asyncio.Event
    """Set when the user asks to stop. What was measured before is kept."""
    header: Callable[[], RunHeader]
    """The header of the run as it is now."""
