"""Reading the flags that span the matrix: comma lists, repeated or both, each value checked."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import typer

from bench.clients.registry import CLIENTS, why_unusable
from bench.network import profile
from bench.results import ClosedLoad, Load, OpenLoad
from bench.schedule import Target
from bench.spec import DEFAULT_DIALECT, NEW, PERSISTENT, Connection, spoken
from bench.workloads import WORKLOADS, WorkloadChoice
from commands import values
from commands.errors import UsageError
from consumers.registry import ALL_DIALECTS
from consumers.registry import dialects as spoken_by
from consumers.target import BadTarget, parse_target
from recipes.book import MAXIMUM_ID, MAXIMUM_PAGE_SIZE

Value = TypeVar("Value")
CONCURRENCY_AT_MOST = 1024
RATE_AT_MOST_HZ = 1_000_000


def words(flag: str, texts: Sequence[str], known: Sequence[str]) -> list[str]:
    """Some of `known`. Raises UsageError, as all of these do, naming flag and value."""
    found = values.comma_list(texts)
    for word in found:
        if word not in known:
            raise UsageError(f"{flag}: {word!r} is none of {', '.join(known)}")
    if not found:
        raise UsageError(f"{flag} is empty; give some of {', '.join(known)}")
    return found


def switches(flag: str, texts: Sequence[str]) -> list[bool]:
    """`off`, `on` or both."""
    return [word == "on" for word in words(flag, texts, ("off", "on"))]


def whole_numbers(flag: str, texts: Sequence[str], low: int, high: int) -> list[int]:
    """Whole numbers from `low` to `high`."""
    return [_read(flag, values.whole_number(low, high), text) for text in _some(flag, texts)]


def workloads(names: Sequence[str], page_sizes: Sequence[str]) -> list[WorkloadChoice]:
    """Every workload named; a paged one once for each page size."""
    sizes = whole_numbers("--page-size", page_sizes, 1, MAXIMUM_PAGE_SIZE)
    chosen: list[WorkloadChoice] = []
    for name in words("--workload", names, tuple(WORKLOADS)):
        workload = WORKLOADS[name]
        if workload.paged and max(sizes) > (most := workload.page_size_at_most):
            raise UsageError(f"--page-size: {max(sizes)} is too many for the workload {name}, which takes {most}")
        chosen += [WorkloadChoice(name, size) for size in sizes] if workload.paged else [WorkloadChoice(name)]
    return chosen


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


def clients(names: Sequence[str], *, open_loop: bool, new_connections: bool) -> list[str]:
    """Some of the clients, each of which can do here what is asked of it."""
    chosen = words("--client", names, tuple(CLIENTS))
    for name in chosen:
        lacking = why_unusable(name, open_loop=open_loop, new_connections=new_connections)
        if lacking is not None:
            raise UsageError(f"--client {name}: {lacking}")
    return chosen


def dialects(texts: Sequence[str], protocols: Sequence[str]) -> list[str]:
    """Dialects, of which each of the protocols speaks one at least."""
    chosen = words("--dialect", texts, (DEFAULT_DIALECT, *ALL_DIALECTS))
    for protocol in protocols:
        if not spoken(protocol, chosen):
            would_do = " or ".join((DEFAULT_DIALECT, *spoken_by(protocol)))
            raise UsageError(
                f"--dialect {','.join(chosen)}: {protocol} speaks none of them; "
                f"add {would_do}, or leave {protocol} out with --protocol"
            )
    return chosen


def networks(texts: Sequence[str]) -> list[str]:
    """Networks by their canonical names: `loopback`, a profile, or one in free words."""
    try:
        found = profile.names(texts)
    except profile.BadProfile as error:
        raise UsageError(f"--network: {error}") from None
    if not found:
        raise UsageError(f"--network is empty; give some of {', '.join((profile.LOOPBACK, *profile.PROFILES))}")
    return found


def connections(texts: Sequence[str]) -> list[Connection]:
    """`persistent`, `new` or both."""
    return [NEW if word == NEW else PERSISTENT for word in words("--connection", texts, (PERSISTENT, NEW))]


def targets(flag: str, texts: Sequence[str], protocols: Sequence[str]) -> dict[str, Target]:
    """Producers that run already, by protocol: `http=http://host:port`, twice for one protocol: plain and TLS."""
    found: dict[str, Target] = {}
    for text in texts:
        protocol, separator, address = text.partition("=")
        if not separator or protocol not in protocols:
            raise UsageError(f"{flag}: {text!r} is not PROTOCOL=URL with one of {', '.join(protocols)}")
        try:
            tls = parse_target(address).tls
        except BadTarget as error:
            raise UsageError(f"{flag} {protocol}: {error}") from None
        before = found.get(protocol, Target(None, None))
        if (before.tls if tls else before.plain) is not None:
            raise UsageError(f"{flag}: {protocol} is given twice {'with' if tls else 'without'} TLS; give one")
        found[protocol] = Target(before.plain, address) if tls else Target(address, before.tls)
    return found


def ids(text: str) -> tuple[int, ...] | None:
    """Ids of recipes, or None for a sample of all."""
    return tuple(whole_numbers("--ids", [text], 0, MAXIMUM_ID)) if text else None


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
