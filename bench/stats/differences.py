"""What two runs differ in besides their results: recipes, settings, machine, kernel, versions. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.fronts import registry as fronts
from bench.results import Run
from bench.stats.wording import NAMED_AT_MOST, some_of

NOT_RECORDED = "not recorded"
DIGEST_DIGITS = 12
ONE_SIDED = "recorded in one run only"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not the same in two runs, in words."""

    what: str
    before: str
    after: str = ""
    """In the later run; empty where `before` says it of both."""

    def __str__(self) -> str:
        """`kernel: 6.1, then 6.8`."""
        return f"{self.what}: {self.before}, then {self.after}" if self.after else f"{self.what}: {self.before}"


def differences(run_a: Run, run_b: Run) -> list[Difference]:
    """What makes two runs not comparable: recipes, settings, processor, kernel, versions.

    The host's name does not count, since every container has a new one, nor does the lab's commit, since a change of it
    is what is compared (`of_interest`).
    """
    found = []
    if run_a.recipes.digest != run_b.recipes.digest:
        recipes = (f"{each.source} ({each.count}, digest {each.digest})" for each in (run_a.recipes, run_b.recipes))
        found.append(Difference("recipes", *recipes))
    return [*found, *differing(_besides_recipes(run_a), _besides_recipes(run_b)), *_of_fronts(run_a, run_b)]


def _of_fronts(run_a: Run, run_b: Run) -> list[Difference]:
    """The versions of fronts that both runs have."""
    known = [run.environment.get("fronts") or {} for run in (run_a, run_b)]
    shared = [name for name in known[0] if name in known[1]]
    return differing(*({fronts.title(name): str(each[name]) for name in shared} for each in known))


def compared_values(run: Run) -> dict[str, str]:
    """Everything that is equal in runs that can be compared, by its name."""
    return {"recipes": f"{run.recipes.count} (digest {run.recipes.digest[:DIGEST_DIGITS]})", **_besides_recipes(run)}


def _besides_recipes(run: Run) -> dict[str, str]:
    return {**_settings(run), **_of_environment(run.environment)}


def of_interest(run_a: Run, run_b: Run) -> list[Difference]:
    """What differs and does not stand in the way: commit, notes, time, host."""
    return differing(*(_circumstances(run) for run in (run_a, run_b)))


def commit_of(run: Run) -> str | None:
    """The commit of the lab's code, with `-dirty` where files differed from it; None where it is not recorded."""
    commit = run.environment.get("lab_commit")
    return str(commit) if commit else None


def _circumstances(run: Run) -> dict[str, str]:
    return {
        "commit": commit_of(run) or NOT_RECORDED,
        "note": run.note or "none",
        "started": run.started_at,
        "host": str(run.environment.get("host") or NOT_RECORDED),
        "instances": str(run.plan.instances_done),
    }


def _settings(run: Run) -> dict[str, str]:
    """Every setting of a run that moves results and is no dimension."""
    plan = run.plan
    known = {
        "gzip level": plan.gzip_level,
        "timeout": None if plan.timeout_s is None else f"{plan.timeout_s:g} s",
        "slice": f"{plan.slice_ms:g} ms",
        "expected responses": plan.expect,
        "request file": None if run.requests is None else f"digest {run.requests.digest[:DIGEST_DIGITS]}",
        "headers": ", ".join(sorted(plan.access.headers)) or "none",
        "client certificate": "yes" if plan.access.client_certificate else "no",
        "certificates of servers": "not verified" if plan.access.insecure else "verified",
        "TLS at least": plan.access.tls_min or "the usual version",
        # It takes time of every call, also of those without a front.
        "calls counted by producers": "yes" if any(cell.replicas * cell.workers > 1 for cell in run.cells) else "no",
        "requested recipes": None if run.recipes.ids is None else _ids_in_words(run.recipes.ids),
    }
    networks = {f"network {name}": words for name, words in plan.networks.items()}
    return {name: str(value) for name, value in {**known, **networks}.items() if value is not None}


def _ids_in_words(ids: Sequence[int]) -> str:
    """Enough to see that two choices differ, and short."""
    digest = hashlib.sha256(repr(sorted(ids)).encode()).hexdigest()[:8]
    return f"{len(ids)} (--ids and --seed; digest {digest})"


def environment_differences(environment_a: dict[str, Any], environment_b: dict[str, Any]) -> list[Difference]:
    """How two environments differ in what moves results.

    What moves results: the processor, how many cores were usable and whether producer and load had one each, the
    kernel, Python, OpenSSL and every library recorded. Values that only one of them recorded, as with files of an
    earlier version, share one entry when there are many.
    """
    return differing(_of_environment(environment_a), _of_environment(environment_b))


def differing(values_a: Mapping[str, str], values_b: Mapping[str, str]) -> list[Difference]:
    """The values that are not the same in both."""
    names = dict.fromkeys([*values_a, *values_b])
    one_sided = [name for name in names if name not in values_a or name not in values_b]
    listed = [name for name in names if len(one_sided) <= NAMED_AT_MOST or name not in one_sided]
    found = [
        Difference(name, values_a.get(name, NOT_RECORDED), values_b.get(name, NOT_RECORDED))
        for name in listed
        if values_a.get(name) != values_b.get(name)
    ]
    return found if len(one_sided) <= NAMED_AT_MOST else [*found, Difference(ONE_SIDED, some_of(one_sided))]


def _of_environment(environment: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    cpu, libraries, pinning = (environment.get(name) for name in ("cpu", "libraries", "pinning"))
    if isinstance(cpu, dict):
        found |= {f"CPU {name}": str(cpu[name]) for name in ("model", "count", "governor") if cpu.get(name)}
        if isinstance(usable := cpu.get("usable"), list):
            found["usable CPUs"] = str(len(usable))
        quota = cpu.get("quota_cores")
        found["CPU quota"] = f"{quota:g} cores" if isinstance(quota, int | float) else "none"
    if isinstance(pinning, dict):
        found["producer and load apart"] = "yes" if pinning.get("apart") else "no"
    titles = {
        "kernel": "kernel",
        "python": "Python",
        "python_implementation": "Python implementation",
        "openssl": "OpenSSL",
    }
    found |= {title: str(environment[name]) for name, title in titles.items() if environment.get(name) is not None}
    if isinstance(libraries, dict):
        found |= {name: str(version) for name, version in libraries.items()}
    return found
