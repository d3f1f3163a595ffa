"""From what sizing up found to the rows of a run file. Pure."""

from typing import Any

from msgspec.structs import asdict

from bench.results import Cell, PlanUsed, RecipesUsed, Run, RunWarning
from bench.runner.sizes import SizedUp, Sizing
from bench.spec import CellKey, RunPlan
from bench.stats.wording import some_of


def sizes_run(
    sizing: Sizing,
    plan: RunPlan,
    *,
    started_at: str,
    duration_s: float,
    command: str,
    environment: dict[str, Any],
    recipes: RecipesUsed,
) -> Run:
    """The run as it is written: a row for each combination, under no load."""
    return Run(
        started_at=started_at,
        duration_s=duration_s,
        command=command,
        seed=plan.seed,
        environment=environment,
        recipes=recipes,
        plan=PlanUsed(instances=1, rounds=0, seconds=None, slice_ms=0, instances_done=1),
        warnings=warnings_of(sizing),
        cells=[_cell(key, sized) for key, sized in sizing.combinations.items()],
    )


def warnings_of(sizing: Sizing) -> list[RunWarning]:
    """What is missing and why, each reason once with the combinations that share it."""
    found = [RunWarning(code="process_trouble", text=f"{text}.") for text in dict.fromkeys(sizing.troubles)]
    reasons: dict[str, list[str]] = {}
    for key, sized in sizing.combinations.items():
        for reason in sized.found.warnings if sized.found is not None else ():
            reasons.setdefault(reason, []).append(key.label)
    return found + [
        RunWarning(code="sizes_unknown", text=f"Not every size of {some_of(names)} is known: {reason}.")
        for reason, names in reasons.items()
    ]


def _cell(key: CellKey, sized: SizedUp) -> Cell:
    found = sized.found
    return Cell(
        **asdict(key),
        id=key.label,
        status=sized.status,
        reason=sized.reason,
        bytes=found.bytes if found is not None and sized.status == "measured" else None,
        tls_session=found.tls_session if found is not None and sized.status == "measured" else None,
        anatomy=found.anatomy if found is not None else None,
    )
