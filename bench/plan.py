"""What a run measures and how: the matrix of all cells, the versions of producers, and the plan. Pure."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from bench.request_file import RequestFile
from bench.spec import DEFAULT_DIALECT, CellKey, dimensions
from consumers.access import Access
from consumers.registry import default_dialect, dialects
from consumers.target import Target
from producers.registry import DEFAULT, PRODUCERS


def spoken(protocol: str, named: Sequence[str]) -> list[str]:
    """Those of the dialects named that a protocol speaks; DEFAULT_DIALECT stands for its own."""
    chosen = (default_dialect(protocol) if name == DEFAULT_DIALECT else name for name in named)
    return list(dict.fromkeys(name for name in chosen if name in dialects(protocol)))


def implemented(protocol: str, named: Sequence[str]) -> list[str]:
    """Those of the implementations named that a protocol has."""
    return list(dict.fromkeys(name for name in named if name in PRODUCERS[protocol]))


@dataclass(frozen=True, slots=True)
class Matrix:
    """The values of every dimension, whose product is measured."""

    values: Mapping[str, Sequence[Any]]
    """By the name of the dimension. One that is missing has its usual value only."""
    extra: Sequence[Mapping[str, Any]] = ()
    """Values that are measured besides, each for every combination of the other dimensions."""

    def __getitem__(self, name: str) -> Sequence[Any]:
        """The values of a dimension; empty where it has its usual value only."""
        return self.values.get(name, ())

    def cells(self) -> list[CellKey]:
        """Every cell, once. Each protocol takes part in those dialects that it speaks, and in its implementations.

        Combinations that differ in what does not apply to them, such as the replicas without a front, are one cell.
        """
        cells = list(dict.fromkeys(self._product(self.values)))
        for extra in self.extra:
            # Behind the cells that they stand beside, so that what belongs together is together.
            beside = list(self._product({**self.values, **{name: [value] for name, value in extra.items()}}))
            cells = _woven(cells, beside, tuple(extra))
        return cells

    def messages(self) -> list[CellKey]:
        """Every combination whose bytes may differ, once."""
        return list(dict.fromkeys(key.message for key in self.cells()))

    def is_extra(self, key: CellKey) -> bool:
        """Whether a cell is there for `extra` only."""
        return any(all(getattr(key, name) == value for name, value in extra.items()) for extra in self.extra)

    def _product(self, values: Mapping[str, Sequence[Any]]) -> Iterator[CellKey]:
        names = [name for name in dimensions() if values.get(name)]
        dialects_named = values.get("dialect") or (DEFAULT_DIALECT,)
        for protocol in values["protocol"]:
            own = {
                **values,
                "protocol": [protocol],
                "implementation": implemented(protocol, values.get("implementation") or (DEFAULT,)),
                "dialect": spoken(protocol, dialects_named),
            }
            for chosen in product(*(own[name] for name in names)):
                yield CellKey(**dict(zip(names, chosen, strict=True)))


def _woven(cells: Sequence[CellKey], beside: Sequence[CellKey], names: Sequence[str]) -> list[CellKey]:
    """The cells in order, each group that agrees in all but `names` followed by its cells of `beside`."""
    groups: dict[Hashable, list[CellKey]] = {}
    for key in (*cells, *beside):
        groups.setdefault(key.without(*names), []).append(key)
    return list(dict.fromkeys(key for group in groups.values() for key in group))


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where one producer serves, without and with TLS; None: it does not."""

    plain: Target | None = None
    tls: Target | None = None

    def of(self, *, tls: bool) -> Target | None:
        """The address with TLS, or the one without."""
        return self.tls if tls else self.plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of the producers: code to start them from, or addresses where they are already running."""

    name: str | None = None
    """As in CellKey.version; None in a run that compares none."""
    reference: str = ""
    """A commit, or a directory with a checkout, whose code is used; empty: this lab's own."""
    directory: str = ""
    """The root of the code, once it is built; empty: this lab's own."""
    python: str = ""
    """The interpreter that has what the code requires; empty: the one that runs the lab."""
    targets: Mapping[str, Addresses] = field(default_factory=dict)
    """Producers that are already running, by protocol; empty: the lab starts them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """Everything that a run needs to know."""

    matrix: Matrix
    instances: int
    """How many, at most."""
    rounds: int | None
    """Recorded rounds per instance; None: as many as fit into `seconds`."""
    seconds: float
    """How long the run may take when `rounds` is None."""
    slice_ns: int
    seed: int
    recipes: str
    versions: tuple[Version, ...] = (Version(),)
    """What is compared; of two, the first is the baseline."""
    ids: tuple[int, ...] | None = None
    """Ask for these recipes only; None: a sample of all."""
    instances_at_least: int | None = None
    """When starting takes too long, no more than these are started. None: all are started, however long it takes."""
    known: bool = True
    """Whether responses must equal the recipes, or only be well-formed."""
    until: float | None = None
    """Stop once every headline interval reaches this share to either side at most, or the time is up."""
    timeout_s: float = 10.0
    gzip_level: int = 6
    threshold: float | None = None
    """Where versions are compared: a slowdown by more than this share is a regression."""
    access: Access = field(default_factory=Access)
    """What targets demand. Headers are sent to every producer."""
    requests: RequestFile | None = None
    """What is requested instead of recipes."""
    scheduler: str | None = None
    """The address of the Dask scheduler whose workers send the requests; None: this machine sends them."""
    load_workers: int = 1
    """How many workers the scheduler has to have, at least."""
    note: str | None = None
    """Why the run is made, in the user's words; kept in the run file."""

    def version_of(self, key: CellKey) -> Version:
        """The version that serves a cell."""
        return next(version for version in self.versions if version.name == key.version)

    @property
    def restarts(self) -> bool:
        """Whether producers are started afresh for every instance."""
        return not any(version.targets for version in self.versions)

    @property
    def compares_versions(self) -> bool:
        """Whether two versions of the producers run side by side."""
        return len(self.versions) > 1
