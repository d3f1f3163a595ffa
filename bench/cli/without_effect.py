"""Every flag of `python -m bench` that has no effect beside others, by command.

Not in it: what `--dry-run` leaves undone, since it shows the plan of the command that it is added to.
"""

from collections.abc import Mapping, Sequence

from bench.cli import slo
from bench.cli.front_keep_alive import USUAL_CLOSER
from bench.cli.shared_flags import USUAL_WORKLOADS
from bench.fronts.registry import NONE
from bench.schedule import OPEN_SLICE_NS
from bench.workloads import WORKLOADS
from commands import values
from commands.without_effect import CommandLine, Condition, WithoutEffect, beside, without
from consumers.target import BadTarget, parse_target
from consumers.without_effect import OF_CERTIFICATES


def _workloads(line: CommandLine, usual: str) -> list[str] | None:
    """The workloads that were given, or the usual ones; None where one is not known, which is refused elsewhere."""
    names = values.comma_list(line["--workload"] or [usual])
    return names if all(name in WORKLOADS for name in names) else None


def _no_pages(usual: str) -> Condition:
    def holds(line: CommandLine) -> bool:
        names = _workloads(line, usual)
        return names is not None and not any(WORKLOADS[name].paged for name in names)

    return holds


def _no_ids(line: CommandLine) -> bool:
    names = _workloads(line, USUAL_WORKLOADS)
    return names is not None and not any(WORKLOADS[name].by_id for name in names)


def _no_front(line: CommandLine) -> bool:
    return all(name == NONE for name in values.comma_list(line["--front"] or [NONE]))


def _front_none(line: CommandLine) -> bool:
    """Whether no front was chosen, where there is one by default."""
    return values.comma_list(line["--front"] or []) == [NONE]


def _has_none(line: CommandLine) -> bool:
    """Whether producers are asked without a front, too."""
    return NONE in values.comma_list(line["--front"] or [])


def _closers(line: CommandLine) -> list[str]:
    """Who closes the idle connections of fronts and their clients."""
    return values.comma_list(line["--closed-by"] or [USUAL_CLOSER])


NO_REPLICAS = WithoutEffect(["--replicas"], "without a front; add --front, or leave it out", _no_front)
ONE_REPLICA = WithoutEffect(
    ["--balance"],
    "with one replica; add --replicas 2, or leave it out",
    lambda line: values.comma_list(line["--replicas"] or ["1"]) == ["1"],
)


def _off(flag: str, usual: str = "off,on") -> Condition:
    """Where gzip or TLS is off. `usual`: what the command does where the flag is not given."""
    return lambda line: values.comma_list(line[flag] or [usual]) == ["off"]


def _no_tls_target(line: CommandLine) -> bool:
    return not any(_has_tls(text) for flag in ("--target", "--ab-target") for text in line[flag] or ())


def _has_tls(target: str) -> bool:
    try:
        return parse_target(target.partition("=")[2]).tls
    except BadTarget:
        return True  # it is refused elsewhere


def _recipes_unused(line: CommandLine) -> bool:
    """Whether the recipes are those of a target, with ids that were given, and compared with none."""
    names = _workloads(line, USUAL_WORKLOADS)
    if names is None or line["--expect"] != "none" or not line.has("--target") or line.has("--renumber"):
        return False
    return "create" not in names and (line.has("--ids") or _no_ids(line))


def _to_stdout(line: CommandLine) -> bool:
    """Whether `report` writes no file."""
    return line["--format"] not in (None, "html") or line.has("--tables", "--explain", "--json")


NO_PAGES = "without a workload of several recipes; add list or batch with --workload, or leave it out"
NO_IDS = "without a workload that requests recipes by their ids, such as get; add one with --workload, or leave it out"
GZIP_OFF = WithoutEffect(["--gzip-level"], "with --gzip off; leave one of them out", _off("--gzip"))
GZIP_OF_TARGET = WithoutEffect(
    ["--gzip-level"], "on a --target, which is running already; leave it out", beside("--target")
)


def _no_tls(usual: str) -> WithoutEffect:
    return WithoutEffect(["--tls-at"], "without TLS; add --tls on, or leave it out", _off("--tls", usual))


TLS_OFF_BY_DEFAULT = _no_tls("off")


def _of_front(usual: str = "off,on") -> tuple[WithoutEffect, ...]:
    """`usual`: gzip and TLS where they are not given."""
    return (
        WithoutEffect(["--gzip-at", "--tls-at"], "without a front; add --front, or leave it out", _no_front),
        WithoutEffect(["--gzip-at"], "without gzip; add --gzip on, or leave it out", _off("--gzip", usual)),
        _no_tls(usual),
    )


ACCESS = (
    WithoutEffect(
        ["--ca", "--cert", "--key", "--insecure", "--tls-min"],
        "without a --target with TLS, such as https:// or grpcs://; leave it out",
        _no_tls_target,
    ),
    *OF_CERTIFICATES,
)
JSON = WithoutEffect(
    ["--tables", "--explain"], "beside --json, which replaces the text; leave one of them out", beside("--json")
)
OF_RECIPES = "beside --request-file, which has requests instead of recipes; leave one of them out"
MEASURED_ELSEWHERE = "beside --run, which has been measured; leave one of them out"


WITHOUT_EFFECT: Mapping[str, Sequence[WithoutEffect]] = {
    "run": (
        WithoutEffect(
            ["--workload", "--page-size", "--ids", "--recipes", "--renumber", "--dialect"],
            OF_RECIPES,
            beside("--request-file"),
        ),
        WithoutEffect(
            ["--expect"], OF_RECIPES, lambda line: line.has("--request-file") and line["--expect"] == "recipes"
        ),
        WithoutEffect(["--concurrency"], "beside --rate, which replaces it; leave one of them out", beside("--rate")),
        WithoutEffect(["--arrivals"], "without --rate; add it, or leave --arrivals out", without("--rate")),
        WithoutEffect(
            ["--slice-ms"],
            f"beside --rate unless it is over {OPEN_SLICE_NS / 1e6:,.0f}; slices of an open loop last at least "
            "that long, so leave it out",
            lambda line: line.has("--rate") and line["--slice-ms"] * 1e6 <= OPEN_SLICE_NS,
        ),
        WithoutEffect(
            ["--load-workers"], "without --scheduler; add it, or leave --load-workers out", without("--scheduler")
        ),
        WithoutEffect(
            ["--slice-ms"],
            f"beside --scheduler unless it is over {OPEN_SLICE_NS / 1e6:,.0f}; slices of a cluster last at least "
            "that long, so leave it out",
            lambda line: line.has("--scheduler") and line["--slice-ms"] * 1e6 <= OPEN_SLICE_NS,
        ),
        WithoutEffect(
            ["--threshold"], "without --ab or --ab-target; add one, or leave it out", without("--ab", "--ab-target")
        ),
        WithoutEffect(
            ["--seconds"], "beside --rounds, which decide how long it takes; leave one of them out", beside("--rounds")
        ),
        WithoutEffect(
            ["--until"],
            "beside --target, --instances, --rounds or --quick, as it decides how often producers are restarted; "
            "leave them out",
            beside("--target", "--instances", "--rounds", "--quick"),
        ),
        WithoutEffect(["--page-size"], NO_PAGES, _no_pages(USUAL_WORKLOADS)),
        WithoutEffect(["--ids"], NO_IDS, _no_ids),
        WithoutEffect(
            ["--instances"],
            "on a --target, which cannot be restarted; leave it out",
            lambda line: line.has("--target") and line["--instances"] != 1,
        ),
        WithoutEffect(["--recipes"], "beside --target, --ids and --expect none; leave it out", _recipes_unused),
        NO_REPLICAS,
        ONE_REPLICA,
        *_of_front(),
        GZIP_OF_TARGET,
        GZIP_OFF,
        *ACCESS,
        JSON,
    ),
    "slo": (
        WithoutEffect(["--workload", "--page-size", "--recipes", "--renumber"], OF_RECIPES, beside("--request-file")),
        WithoutEffect(["--page-size"], NO_PAGES, _no_pages(slo.USUAL_WORKLOAD)),
        NO_REPLICAS,
        ONE_REPLICA,
        *_of_front("off"),
        *ACCESS,
    ),
    "sizes": (
        WithoutEffect(
            ["--workload", "--page-size", "--recipes", "--renumber", "--seed", "--dialect"],
            OF_RECIPES,
            beside("--request-file"),
        ),
        WithoutEffect(["--page-size"], NO_PAGES, _no_pages(USUAL_WORKLOADS)),
        WithoutEffect(["--seed"], NO_IDS, _no_ids),
        *_of_front(),
        GZIP_OF_TARGET,
        GZIP_OFF,
        *ACCESS,
        JSON,
    ),
    "rollout": (
        WithoutEffect(
            ["--replicas", "--check-interval", "--retries"],
            f"with --front {NONE}; leave one of them out",
            _front_none,
        ),
        WithoutEffect(["--tls-at"], f"with --front {NONE}, where TLS is at the producer; leave it out", _front_none),
        TLS_OFF_BY_DEFAULT,
    ),
    "front_health": (TLS_OFF_BY_DEFAULT,),
    "front_keep_alive": (
        WithoutEffect(
            ["--front-keep-alive", "--retries", "--closed-by"],
            f"with --front {NONE}; leave one of them out",
            _front_none,
        ),
        WithoutEffect(
            ["--retries"], "with --closed-by front; leave one of them out", lambda line: _closers(line) == ["front"]
        ),
        WithoutEffect(
            ["--producer-keep-alive"],
            "with --closed-by front; leave one of them out",
            lambda line: _closers(line) == ["front"] and not _has_none(line),
        ),
        WithoutEffect(
            ["--consumer-keep-alive"],
            "without --closed-by front; add it, or leave --consumer-keep-alive out",
            lambda line: _closers(line) == ["producer"] and not _has_none(line),
        ),
    ),
    "front_streams": (WithoutEffect(["--streams-at"], f"with --front {NONE}; leave one of them out", _front_none),),
    "front_show": (
        WithoutEffect(
            ["--gzip-level"],
            "without --gzip-at front; add it, or leave --gzip-level out",
            lambda line: line["--gzip-at"] != "front",
        ),
        WithoutEffect(["--replicas"], "beside --upstream; leave one of them out", beside("--upstream")),
        WithoutEffect(
            ["--rise", "--fall"], "with --check-interval 0; leave it out", lambda line: line["--check-interval"] == 0
        ),
    ),
    "instructions": (
        WithoutEffect(["--threshold"], "without --ab; add it, or leave --threshold out", without("--ab")),
        WithoutEffect(["--page-size"], NO_PAGES, _no_pages(USUAL_WORKLOADS)),
        WithoutEffect(["--seed"], NO_IDS, _no_ids),
        *_of_front(),
        GZIP_OFF,
    ),
    "advise": (WithoutEffect(["--recipes", "--renumber", "--measure"], MEASURED_ELSEWHERE, beside("--run")),),
    "compare": (
        WithoutEffect(["--force"], "without a second run file; add it, or leave --force out", without("later")),
    ),
    "history": (WithoutEffect(["--threshold"], "without --gate; add it, or leave --threshold out", without("--gate")),),
    "report": (
        JSON,
        WithoutEffect(
            ["--tables", "--explain", "--json"],
            "with a --format other than terminal; leave one of them out",
            lambda line: line["--format"] not in (None, "terminal"),
        ),
        WithoutEffect(["--out"], "on what goes to stdout, as every format but html does; redirect that", _to_stdout),
    ),
}
