"""How a run was made, as pairs of a name and its value: for the end of a report."""

from collections.abc import Iterator, Mapping
from typing import Any

from bench import protocols
from bench.report import units
from bench.report.text import one_line
from bench.results import Run
from bench.stats.wording import counted, percent, some_of

WIKIBOOKS = "wikibooks"
ATTRIBUTION = (
    "The recipes are text of the Wikibooks Cookbook (https://en.wikibooks.org/wiki/Cookbook), by its contributors, "
    "under CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/)."
)
METHOD = (
    "Every configuration was measured in short slices, interleaved in random order. All servers were restarted for "
    "every instance. Ratios compare slices of the same round; their intervals come from the spread between instances.",
    "A configuration is one protocol with one setting of gzip and TLS, one workload and one load.",
    "gzip: responses only, zlib level 6 by default, no minimum size. gRPC sends a message uncompressed when gzip does "
    "not shrink it.",
)

LIBRARIES = "libraries"
"""The part of the environment that is one line: dozens of packages with their versions."""

NAMES: dict[str, str] = {
    "system": "operating system",
    "machine": "architecture",
    "cpu count": "number of usable CPUs",
    "cpu usable": "usable CPUs",
    "cpu physical cores": "usable physical cores",
    "cpu cores of each kind": "usable physical cores of each kind, fastest first",
    "cpu quota cores": "CPU quota, in cores",
    "cpu governor": "CPU governor",
    "cpu model": "CPU",
    "memory bytes": "memory",
    "stolen share": "CPU steal",
    "load average 1min": "load average before the run (1 min)",
    "quota periods periods": "periods of the CPU quota",
    "quota periods throttled": "periods in which the CPU quota was used up",
    "other runs": "other runs on the same cores",
    "pinning producer": "server on CPUs",
    "pinning load": "client on CPUs",
    "pinning front": "proxies on CPUs",
    "pinning siblings": "unused CPUs of the same physical cores",
    "pinning kinds": "kinds of the server's and the client's core, 0 the fastest",
    "pinning apart": "server and client on separate physical cores",
    "foreign target": "external servers",
    "scheduling": "scheduling of counted processes",
    "python": "Python",
    "python implementation": "Python implementation",
    "openssl": "OpenSSL",
}
"""What parts of the environment are called for readers, by their path in the run file."""

Pair = tuple[str, str]


def of_run(run: Run) -> tuple[Pair, ...]:
    """When, from what command, how much of what, with which recipes."""
    plan = run.plan
    done = "" if plan.instances_done == plan.instances else f", {plan.instances_done} finished"
    rounds = "as many rounds as fit in the time" if plan.rounds is None else counted(plan.rounds, "round")
    return (
        *([("Note", run.note)] if run.note else []),
        ("Started", run.started_at),
        ("Duration", f"{units.significant(run.duration_s)} s"),
        ("Command", run.command),
        ("Seed of the schedule", str(run.seed)),
        ("Plan", f"{counted(plan.instances, 'instance')}{done}; {rounds} each; slices of {plan.slice_ms:g} ms"),
        *([("Instances alive at the same time", str(plan.instances_at_once))] if plan.instances_at_once > 1 else []),
        *([] if plan.recorded_share is None else [("Time that was recorded", percent(plan.recorded_share))]),
        *_of_requests(run),
        ("Run file schema", run.schema),
    )


def _of_requests(run: Run) -> Iterator[Pair]:
    """What was requested."""
    if (requests := run.requests) is None:
        yield "Recipes", recipes_of(run)
        if run.recipes.own_ids:
            yield "Own ids of the recipes", _own_ids(run.recipes.own_ids)
        yield "Digest of the recipes", run.recipes.digest
        return
    yield "Request file", f"{requests.file}, with {counted(len(requests.values), 'different request')} of each protocol"
    for protocol, text in requests.titles.items():
        yield f"Request, {protocols.title(protocol)}", text
    yield "Digest of the request file", requests.digest


def recipes_of(run: Run) -> str:
    """How many recipes there were, and from where: `1 recipe (mine.json)`."""
    count = run.recipes.count
    renumbered = ", renumbered" if run.recipes.own_ids else ""
    return f"{count:,} {'recipe' if count == 1 else 'recipes'} ({run.recipes.source}{renumbered})"


def _own_ids(own_ids: Mapping[int, str]) -> str:
    named = some_of([f"{number} is {one_line(own)}" for number, own in sorted(own_ids.items())])
    return f"{named} (recipes.own_ids in the run file)"


def attribution(run: Run) -> str | None:
    """The attribution that the recipes' licence asks for, if it does."""
    return ATTRIBUTION if run.recipes.source.partition(":")[0] == WIKIBOOKS else None


def of_environment(run: Run) -> tuple[Pair, ...]:
    """Machine, system and versions, as far as they were recorded."""
    return tuple((NAMES.get(path, path), text) for path, text in _flat(run.environment, ""))


def of_cluster(run: Run) -> tuple[Pair, ...]:
    """What sent the requests, where that was a cluster: its workers, and within which time they began their slices."""
    if (cluster := run.cluster) is None:
        return ()
    windows_ms = sorted(ns / 1e6 for cell in run.cells for ns in cell.slices.start_window_ns if ns is not None)
    return (
        ("Scheduler", f"{cluster.scheduler}, Dask {cluster.distributed}"),
        *(
            (
                f"Worker {each.number}",
                f"{each.host}, {each.cpu}, {counted(each.cores, 'CPU')}, Python {each.python}, lab {each.lab}",
            )
            for each in cluster.workers
        ),
        ("Workers may begin a slice within", f"{cluster.start_window_ns / 1e6:g} ms"),
        *(
            [
                (
                    "Workers began a slice within",
                    f"{windows_ms[len(windows_ms) // 2]:.1f} ms (median), {windows_ms[-1]:.1f} ms (most)",
                )
            ]
            if windows_ms
            else []
        ),
    )


def of_tls(run: Run) -> tuple[Pair, ...]:
    """What was negotiated, by protocol; once where all configurations agree."""
    found: dict[str, dict[str, None]] = {}
    for cell in run.cells:
        session = cell.tls_session
        if session is None:
            continue
        named = {"": session.version, "cipher ": session.cipher, "group ": session.group, "ALPN ": session.alpn}
        text = ", ".join(f"{name}{value}" for name, value in named.items() if value)
        if text:
            found.setdefault(protocols.title(cell.protocol), {})[text] = None
    return tuple((f"TLS, {protocol}", "; ".join(texts)) for protocol, texts in found.items())


def _flat(value: Any, path: str) -> Iterator[Pair]:
    if isinstance(value, Mapping) and path == LIBRARIES:
        yield path, ", ".join(f"{name} {_text(version, path)}" for name, version in value.items())
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(inner, f"{path} {str(name).replace('_', ' ')}".strip())
    else:
        yield path or "environment", _text(value, path)


def _text(value: Any, path: str) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_text(each, path) for each in value) or "none"
    if isinstance(value, int | float) and path.endswith(" bytes"):
        unit = units.chosen(units.SIZES_BYTES, [value])
        return f"{units.number(value, unit)} {unit.symbol}"
    if isinstance(value, int | float) and path.endswith(" share"):
        return percent(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
