"""What things are called in reports: series, variants, sections, loads. Follows from the declarations of dimensions."""

from collections.abc import Sequence

from bench import protocols
from bench.dimension import Dimension, Role
from bench.load_models import ClosedLoad, Load
from bench.report.text import listed
from bench.results import Cell, RatioEstimate, Undecided
from bench.spec import CellKey, dimensions, own_dialect
from bench.stats.wording import counted

SPELLED: dict[str, str] = {"json": "JSON"}
"""How values are spelled for readers where that differs from flags and run files."""

STATUSES: dict[str, str] = {
    "unsupported": "unsupported",
    "failed": "failed",
    "generator_limited": "client limited",
    "interrupted": "not run",
}
"""Why a configuration has no results, in few enough words for a table."""


UNDECIDED: dict[Undecided, str] = {
    "too_few": "too few",
    "too_noisy": "too noisy",
    "not_restarted": "not restarted",
}
"""Why a verdict is inconclusive, in few enough words to stand for it in a table."""


def spelled(word: str) -> str:
    """A value as readers know it, such as a dialect."""
    return SPELLED.get(word, word)


def series(key: CellKey) -> str:
    """What is compared: `gRPC`, `gRPC (JSON)`, `gRPC (v1.2, JSON)`."""
    words = _words(key, Role.SERIES)
    name = protocols.title(key.protocol, short=not own_dialect(key))
    others = [spelled(word) for word in words if word != name]
    return f"{name} ({', '.join(others)})" if others else name


def option(chosen: CellKey) -> str:
    """`gRPC`, `HTTP with gzip`. TLS is left out, being the same for all that are compared."""
    return series(chosen) + (" with gzip" if chosen.gzip else "")


def group(key: CellKey) -> str:
    """What a section is about: `get: one recipe`, `list: a page of 20 recipes, raw client`."""
    return ", ".join(_words(key, Role.GROUP))


def short_group(key: CellKey, among: Sequence[CellKey] = ()) -> str:
    """The same as in ids: `get`, `list20-raw`. What all keys of `among` share is left out, the workload excepted."""
    workload = dimensions()["workload"]
    shown = [
        each
        for each in _declared(Role.GROUP)
        if each is workload or not among or len({each.label(other) for other in among}) > 1
    ]
    return "-".join(filter(None, (each.label(key) for each in shown)))


def variant_words(key: CellKey) -> tuple[str, ...]:
    """What differs from the plain variant: nothing, `gzip`, `TLS`, or both."""
    return tuple(_words(key, Role.VARIANT))


def variant_headings() -> list[str]:
    """The dimensions that make up a variant: gzip and TLS."""
    return [each.heading for each in _declared(Role.VARIANT)]


def same_variant() -> str:
    """Within a sentence: `with the same gzip and TLS`."""
    return f"with the same {listed(variant_headings())}"


def load(given: Load | None) -> str:
    """`1 in flight`, `500 requests/s`; of a row without load, `no load`."""
    return "no load" if given is None else given.words


def with_load(given: Load | None) -> str:
    """The same within a sentence: `with 1 request in flight`, `at 500 requests/s`."""
    if given is None:
        return "without load"
    if isinstance(given, ClosedLoad):
        return f"with {counted(given.concurrency, 'request')} in flight"
    return f"at {given.words}"


def status(cell: Cell) -> str:
    """Why a configuration has no results, in a few words."""
    return STATUSES.get(cell.status, cell.status)


def undecided(found: RatioEstimate) -> str:
    """Why a verdict is inconclusive, in a few words; empty for every other verdict, and where it is not known."""
    return "" if found.undecided is None else UNDECIDED[found.undecided]


def _declared(role: Role) -> list[Dimension]:
    return [each for each in dimensions().values() if each.role is role]


def _words(key: CellKey, role: Role) -> list[str]:
    """The words of all dimensions of a role, without those at their usual values."""
    return [word for each in _declared(role) if (word := each.words(key))]
