"""How a run was made, as pairs of what and how: for the end of a report."""

from collections.abc import Iterator
from typing import Any

from bench import protocols
from bench.report import units
from bench.results import Run
from bench.stats.wording import counted

WIKIBOOKS = "wikibooks"
ATTRIBUTION = (
    "The recipes are text of the Wikibooks Cookbook (https://en.wikibooks.org/wiki/Cookbook), by its contributors, "
    "under CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/)."
)
PINNED = (
    "gzip on means: the consumer asks for it, the producer answers with zlib, responses only, whatever their size; "
    "off, the consumer asks for identity. gRPC's core sends a message uncompressed when gzip does not shrink it."
)

Fact = tuple[str, str]


def of_run(run: Run) -> list[Fact]:
    """When, from what command, how much of what, with which recipes."""
    plan = run.plan
    done = "" if plan.instances_done == plan.instances else f", {plan.instances_done} finished"
    rounds = "as many rounds as the time allowed" if plan.rounds is None else counted(plan.rounds, "round")
    return [
        ("Started", run.started_at),
        ("Took", f"{units.significant(run.duration_s)} s"),
        ("Command", run.command),
        ("Seed of the schedule", str(run.seed)),
        ("Plan", f"{counted(plan.instances, 'instance')}{done}; {rounds} in each; slices of {plan.slice_ms:g} ms"),
        ("Recipes", f"{run.recipes.source}, {counted(run.recipes.count, 'recipe')}"),
        ("Digest of the recipes", run.recipes.digest),
        ("Run file", run.schema),
    ]


def attribution(run: Run) -> str | None:
    """Whose recipes they were, where their licence asks that it be said."""
    return ATTRIBUTION if run.recipes.source.partition(":")[0] == WIKIBOOKS else None


def of_environment(run: Run) -> list[Fact]:
    """Machine, system and versions, whatever of them was recorded."""
    return list(_flat(run.environment, ""))


def of_tls(run: Run) -> list[Fact]:
    """What was negotiated, by protocol; once where all cells agree."""
    found: dict[str, dict[str, None]] = {}
    for cell in run.cells:
        session = cell.tls_session
        if session is None:
            continue
        told = {"": session.version, "cipher ": session.cipher, "group ": session.group, "ALPN ": session.alpn}
        text = ", ".join(f"{name}{value}" for name, value in told.items() if value)
        if text:
            found.setdefault(protocols.title(cell.protocol), {})[text] = None
    return [(f"TLS, {protocol}", "; ".join(texts)) for protocol, texts in found.items()]


def _flat(value: Any, path: str) -> Iterator[Fact]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{path} {str(name).replace('_', ' ')}".strip())
    else:
        yield path or "environment", _text(value)


def _text(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)
