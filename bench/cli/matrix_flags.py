"""Reading the flags that span the matrix: comma lists, repeated or both, each value checked.

The flag of a dimension follows from its declaration in bench.spec. Workloads, loads and targets have their own flags.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from typing import Annotated, Any, TypeVar

import typer

from bench.clients.registry import why_unusable
from bench.dimension import Dimension, Flag
from bench.load_models import ClosedLoad, Load, OpenLoad
from bench.machine import pinning_here
from bench.plan import Addresses, implemented, spoken
from bench.spec import AWAKE, DEFAULT_CORES, DEFAULT_DIALECT, NEW, dimensions
from bench.workloads import WORKLOADS, Workload
from commands import values
from commands.errors import UsageError
from consumers.registry import dialects as spoken_by
from consumers.registry import target_for
from consumers.target import BadTarget, without_secrets
from producers.registry import PRODUCERS
from recipes.book import MAXIMUM_ID, MAXIMUM_PAGE_SIZE
from recipes.installation import prepared_by
from recipes.sources import LoadedRecipes

Value = TypeVar("Value")
CONCURRENCY_AT_MOST = 1024
RATE_AT_MOST_HZ = 1_000_000

WHAT, LOAD, TIME, SERVERS = "What to measure", "Load", "Time and order", "Servers and versions"
"""Groups of flags in the help of commands. Those of dimensions are in the first one."""

Chosen = Mapping[str, Sequence[str]]
"""What was given for each dimension, by its name; those not given are missing."""


def with_dimensions(
    include: Callable[[Dimension], bool] = lambda _: True, **defaults: str
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command the flag of every dimension that has one; it gets what was given as `chosen`.

    `defaults` replace those of the declarations in the help, as they do in `values_of`.
    """

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        flags = {name: each.flag for name, each in dimensions().items() if each.flag is not None and include(each)}
        added = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[
                    list[str] | None,
                    typer.Option(
                        flag.name,
                        metavar=flag.metavar,
                        rich_help_panel=WHAT,
                        help=f"{flag.help} [default: {defaults.get(name, flag.default)}]",
                        show_default=False,
                    ),
                ],
            )
            for name, flag in flags.items()
        ]

        @wraps(command)
        def run(**given: Any) -> int:
            chosen = {name: given.pop(name) for name in flags}
            return command(chosen={name: texts for name, texts in chosen.items() if texts is not None}, **given)

        own = inspect.signature(command, eval_str=True)
        kept = [
            each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for each in own.parameters.values()
            if each.name != "chosen"
        ]
        run.__signature__ = own.replace(parameters=[*added, *kept])  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in (*added, *kept)} | {"return": int}
        return run

    return decorate


def values_of(chosen: Chosen, **defaults: str) -> dict[str, list[Any]]:
    """The values of every dimension that has a flag, as given or by default. Raises UsageError.

    `defaults` replace those of the declarations.
    """
    return {
        name: _values(each.flag, chosen.get(name) or [defaults.get(name, each.flag.default)])
        for name, each in dimensions().items()
        if each.flag is not None
    }


def _values(flag: Flag, texts: Sequence[str]) -> list[Any]:
    if flag.read is None:
        return [flag.value(word) for word in words(flag.name, texts, tuple(flag.choices()))]
    try:
        found = flag.read(texts)
    except ValueError as error:
        raise UsageError(f"{flag.name}: {error}") from None
    if not found:
        raise UsageError(f"{flag.name} is empty; give at least one value")
    return found


def usual_cores(*, targets: bool = False) -> str:
    """What `--cores` is by default: kept awake where that is possible. `targets`: whether some are measured."""
    return DEFAULT_CORES if _why_not_awake(targets=targets) else AWAKE


def _why_not_awake(*, targets: bool) -> str | None:
    """Why cores cannot be kept awake without taking time from what is measured; None where they can."""
    if targets:
        # The kernel shares the processors out among sessions first (autogroup of sched(7)).
        return "what keeps them awake would take time from a --target, which is not started by the bench"
    return None if pinning_here().may_spin else "producers and load do not have a physical core each"


def check(found: Mapping[str, Sequence[Any]], loads: Sequence[Load], *, targets: bool = False) -> None:
    """Refuse clients that cannot do what is asked of them, protocols that speak none of the dialects or have none of
    the implementations, and implementations that are not installed."""
    open_loop = any(isinstance(load, OpenLoad) for load in loads)
    for name in found["client"]:
        lacking = why_unusable(name, open_loop=open_loop, new_connections=NEW in found["connection"])
        if lacking is not None:
            raise UsageError(f"--client {name}: {lacking}")
    if AWAKE in found["cores"] and (reason := _why_not_awake(targets=targets)) is not None:
        raise UsageError(f"--cores {AWAKE}: {reason}; use --cores {DEFAULT_CORES}")
    for protocol in found["protocol"]:
        if not spoken(protocol, found["dialect"]):
            would_do = " or ".join((DEFAULT_DIALECT, *spoken_by(protocol)))
            raise UsageError(
                f"--dialect {','.join(found['dialect'])}: {protocol} speaks none of them; "
                f"add {would_do}, or leave {protocol} out with --protocol"
            )
        _check_implementations(protocol, found["implementation"])


def check_alone(found: Mapping[str, Sequence[Any]], workloads: Sequence[str]) -> None:
    """Refuse to create recipes where several processes have books of their own."""
    for name in ("replicas", "workers"):
        if "create" in values.comma_list(workloads) and max(found[name]) > 1:
            raise UsageError(
                f"--workload create: with --{name} {max(found[name])}, each process keeps to itself what it creates; "
                f"leave create out, or use --{name} 1"
            )


def _check_implementations(protocol: str, named: Sequence[str]) -> None:
    chosen = implemented(protocol, named)
    if not chosen:
        raise UsageError(
            f"--implementation {','.join(named)}: {protocol} has none of them; "
            f"add {' or '.join(PRODUCERS[protocol])}, or leave {protocol} out with --protocol"
        )
    for name in chosen:
        if (distribution := PRODUCERS[protocol][name].missing()) is not None:
            install = prepared_by("implementations")
            raise UsageError(f"--implementation {name}: {distribution} is not installed; run `{install}`")


def words(flag: str, texts: Sequence[str], known: Sequence[str]) -> list[str]:
    """Some of `known`. Raises UsageError, as all of these do, naming flag and value."""
    found = values.comma_list(texts)
    for word in found:
        if word not in known:
            raise UsageError(f"{flag}: {word!r} is not one of {', '.join(known)}")
    if not found:
        raise UsageError(f"{flag} is empty; give some of {', '.join(known)}")
    return found


def whole_numbers(flag: str, texts: Sequence[str], low: int, high: int) -> list[int]:
    """Whole numbers from `low` to `high`."""
    return [_read(flag, values.whole_number(low, high), text) for text in _some(flag, texts)]


def workloads(names: Sequence[str], page_sizes: Sequence[str], recipes: int | None) -> list[Workload]:
    """Every workload named; a paged one once for each page size.

    `recipes`: how many there are; None where that is not known. No page is larger, whatever was asked for.
    """
    sizes = whole_numbers("--page-size", page_sizes, 1, MAXIMUM_PAGE_SIZE)
    chosen: list[Workload] = []
    for name in words("--workload", names, tuple(WORKLOADS)):
        kind = WORKLOADS[name]
        if kind.paged and max(sizes) > (most := kind.page_size_at_most):
            raise UsageError(f"--page-size: {max(sizes)} is too many for the workload {name}, which takes {most}")
        chosen += [kind.of_size(name, size, recipes) for size in sizes] if kind.paged else [Workload(name=name)]
    return list(dict.fromkeys(chosen))


def loads(concurrency: Sequence[str], rates: Sequence[str], arrivals: str) -> list[Load]:
    """Closed loads, or, where rates are given, open loads instead of them."""
    if not rates:
        return [ClosedLoad(concurrency=n) for n in whole_numbers("--concurrency", concurrency, 1, CONCURRENCY_AT_MOST)]
    model = words("--arrivals", [arrivals], ("poisson", "constant"))[0]
    read = values.number(0.1, RATE_AT_MOST_HZ)
    return [
        OpenLoad(rate_hz=_read("--rate", read, text), arrivals="poisson" if model == "poisson" else "constant")
        for text in _some("--rate", rates)
    ]


def targets(flag: str, texts: Sequence[str], protocols: Sequence[str]) -> dict[str, Addresses]:
    """Producers that are already running, by protocol: `http=http://host:port`, twice for one: plain and TLS."""
    found: dict[str, Addresses] = {}
    for text in texts:
        protocol, separator, address = text.partition("=")
        if not separator or protocol not in protocols:
            raise UsageError(
                f"{flag}: {without_secrets(text)!r} is not PROTOCOL=URL with one of {', '.join(protocols)}"
            )
        try:
            target = target_for(protocol, address)
        except BadTarget as error:
            raise UsageError(f"{flag} {protocol}: {error}") from None
        before = found.get(protocol, Addresses())
        if before.of(tls=target.tls) is not None:
            raise UsageError(f"{flag}: {protocol} is given twice {'with' if target.tls else 'without'} TLS; give one")
        found[protocol] = replace(before, **{"tls" if target.tls else "plain": target})
    return found


def ids(text: str, recipes: LoadedRecipes) -> tuple[int, ...] | None:
    """Ids of recipes, or None for a sample of all. Renumbered recipes are named by the ids in their file."""
    if not text:
        return None
    if not recipes.own_ids:
        return tuple(whole_numbers("--ids", [text], 0, MAXIMUM_ID))
    numbers = {own: number for number, own in recipes.own_ids.items()}
    named = _some("--ids", [text])
    if unknown := [own for own in named if own not in numbers]:
        raise UsageError(f"--ids: {recipes.source} has no recipe {unknown[0]}; give ids as they are in the file")
    return tuple(numbers[own] for own in named)


def _some(flag: str, texts: Sequence[str]) -> list[str]:
    found = values.comma_list(texts)
    if not found:
        raise UsageError(f"{flag} is empty; give at least one value")
    return found


def _read(flag: str, read: Callable[[object], Value], text: str) -> Value:
    try:
        return read(text)
    except typer.BadParameter as error:
        raise UsageError(f"{flag}: {error.message}") from None
