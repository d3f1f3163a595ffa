"""What things are called in reports. Whatever has no row here is called by its own name."""

from bench import protocols
from bench.contenders import Contender
from bench.model.parts import Arm
from bench.results import Cell
from bench.spec import ClosedLoad, Load
from bench.workloads import Workload

DIALECTS: dict[str, str] = {"json": "JSON"}
"""What messages are written in, or how queries are named, as it is spelt."""

WORKLOADS: dict[str, str] = {
    "get": "one recipe",
    "list": "a page of recipes",
    "fields": "the name of one recipe",
    "create": "a new recipe",
    "batch": "a page of recipes by their ids, in one request",
    "batch-one-by-one": "a page of recipes by their ids, in as many requests, one after the other",
    "batch-at-once": "a page of recipes by their ids, in as many requests, all at once",
}
"""What one request asks for."""

STATUSES: dict[str, str] = {
    "unsupported": "not offered",
    "failed": "failed",
    "generator_limited": "load was the limit",
    "interrupted": "not reached",
}
"""Why a cell has no figures, in as many words as a table's cell holds."""

MISSING = "–"
"""Stands where there is no figure."""


def dialect(name: str) -> str:
    """The dialect's name as it is written."""
    return DIALECTS.get(name, name)


def contender(compared: Contender) -> str:
    """`gRPC`, `gRPC (JSON)`, `gRPC (JSON, v1.2)`."""
    unusual = [*([dialect(compared.dialect)] if compared.dialect else []), *filter(None, [compared.version])]
    name = protocols.title(compared.protocol)
    return f"{name} ({', '.join(unusual)})" if unusual else name


def arm(chosen: Arm) -> str:
    """`gRPC`, `HTTP with gzip`; TLS is left out, being the same for all that are compared."""
    return contender(chosen.contender) + (" with gzip" if chosen.gzip else "")


def variant(gzip: bool, tls: bool) -> str:
    """`plain`, `gzip`, `TLS` or `gzip+TLS`."""
    return "+".join([*(["gzip"] if gzip else []), *(["TLS"] if tls else [])]) or "plain"


def in_variant(gzip: bool, tls: bool) -> str:
    """The same within a sentence: `without gzip and TLS`, `with gzip`, …"""
    words = [*(["gzip"] if gzip else []), *(["TLS"] if tls else [])]
    return f"with {' and '.join(words)}" if words else "without gzip and TLS"


def workload(asked: Workload) -> str:
    """A heading: `get: one recipe`, `list: a page of 20 recipes`."""
    what = WORKLOADS.get(asked.name)
    if what is None:
        return asked.name if asked.page_size is None else f"{asked.name}, pages of {asked.page_size}"
    if asked.page_size is not None:
        recipes = "1 recipe" if asked.page_size == 1 else f"{asked.page_size} recipes"
        what = what.replace("a page of recipes", f"a page of {recipes}")
    return f"{asked.name}: {what}"


def load(given: Load | None) -> str:
    """`1 in flight`, `500 due per second`; of a cell without load, `no load`."""
    if given is None:
        return "no load"
    if isinstance(given, ClosedLoad):
        return f"{given.concurrency} in flight"
    return f"{given.rate_hz:,g} due per second"


def with_load(given: Load | None) -> str:
    """The same within a sentence: `with one request in flight`."""
    if given is None:
        return "without load"
    if isinstance(given, ClosedLoad):
        one = given.concurrency == 1
        return "with one request in flight" if one else f"with {given.concurrency} requests in flight"
    return f"with {given.rate_hz:,g} requests due per second"


def status(cell: Cell) -> str:
    """Why a cell has no figures, in a few words."""
    return STATUSES.get(cell.status, cell.status)


def listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
