"""What a cell is: its key, and the dimensions that are its fields. Pure.

A dimension is something that varies from cell to cell. It is declared once, as a field of CellKey, and everything else
follows from that declaration: its flag, the ids of cells, columns of the run file, pairing, grouping, comparison of
runs, and its words in reports.
"""

from collections.abc import Hashable
from functools import cache
from typing import Annotated, Literal, get_type_hints

import msgspec
from msgspec import Struct

from bench import protocols
from bench.clients.registry import CLIENTS, LIBRARY
from bench.dimension import (
    AT_BOTH,
    AT_FRONT,
    AT_PRODUCER,
    DEFAULT_PLACE,
    PASSED,
    Dimension,
    Flag,
    Role,
    Scope,
    number,
    place,
    switch,
)
from bench.fronts import registry as fronts
from bench.fronts.plan import BALANCES
from bench.load_models import ClosedLoad, Load, OpenLoad
from bench.network import profile
from bench.network.profile import LOOPBACK
from bench.workloads import Workload
from consumers.registry import ALL_DIALECTS, default_dialect
from producers.registry import ALTERNATIVES, DEFAULT

Connection = Literal["persistent", "new"]
PERSISTENT: Connection = "persistent"
"""Requests share connections that stay open."""
NEW: Connection = "new"
"""Every request opens a connection of its own, and what that takes is part of its latency."""
Cores = Literal["awake", "default"]
AWAKE: Cores = "awake"
"""The cores of producers and load are kept awake while slices are recorded."""
DEFAULT_CORES: Cores = "default"
"""Cores sleep whenever they are idle, as the system has it."""
DEFAULT_DIALECT = "default"
"""Stands for each protocol's own dialect."""
DEFAULT_BALANCE = "default"
"""Stands for each front's own way to choose among replicas."""
BALANCE_IN_WORDS = {DEFAULT_BALANCE: "", "request": "each in turn", "least": "least busy"}
REPLICAS_AT_MOST = 16
WORKERS_AT_MOST = 64


def own_dialect(key: "CellKey") -> bool:
    """Whether a cell is in its protocol's own dialect."""
    return key.dialect == default_dialect(key.protocol)


def own_place(front: str) -> str:
    """Where TLS ends behind a front when nothing else is chosen."""
    row = fronts.FRONTS.get(front)
    return AT_FRONT if row is None else row.tls_at


def usual_series(key: "CellKey") -> bool:
    """Whether a cell is in its protocol's own dialect and served by its default implementation."""
    return own_dialect(key) and key.implementation == DEFAULT


class CellKey(Struct, frozen=True, kw_only=True):
    """What is measured, in which configuration, under which load: the identity of a cell. One field per dimension.

    A value: equal and hashable by its fields. The order of the fields is that in which the matrix is laid out and
    in which an id names them. A field that is added needs a default, since older run files do not have it.
    """

    version: Annotated[
        str | None,
        Dimension(
            heading="version",
            scope=Scope.PROCESS,
            role=Role.SERIES,
            label=lambda key: key.version or "",
            words=lambda key: key.version or "",
        ),
    ] = None
    """Which version of the producer, in a run that compares two; else None."""
    protocol: Annotated[
        str,
        Dimension(
            heading="protocol",
            scope=Scope.PROCESS,
            role=Role.SERIES,
            changes_bytes=True,
            changes_capacity=True,
            label=lambda key: key.protocol,
            words=lambda key: protocols.title(key.protocol, short=not own_dialect(key)),
            flag=Flag(
                name="--protocol",
                metavar="NAMES",
                help=f"Comma-separated: {', '.join(protocols.PROTOCOLS)}.",
                default=",".join(protocols.PROTOCOLS),
                choices=lambda: tuple(protocols.PROTOCOLS),
            ),
        ),
    ]
    implementation: Annotated[
        str,
        Dimension(
            heading="implementation",
            scope=Scope.PROCESS,
            role=Role.SERIES,
            changes_bytes=True,
            label=lambda key: "" if key.implementation == DEFAULT else key.implementation,
            words=lambda key: "" if key.implementation == DEFAULT else key.implementation,
            flag=Flag(
                name="--implementation",
                metavar="NAMES",
                help=f"What serves. Comma-separated: {', '.join((DEFAULT, *ALTERNATIVES))}. "
                "Each protocol takes part in those that it has.",
                default=DEFAULT,
                choices=lambda: (DEFAULT, *ALTERNATIVES),
            ),
        ),
    ] = DEFAULT
    """What serves the protocol: a key of its row in `producers.registry`. With a target, whatever that is."""
    workers: Annotated[
        int,
        number(
            "workers",
            "workers",
            "w",
            Scope.PROCESS,
            WORKERS_AT_MOST,
            "Processes of each producer, which share its port (SO_REUSEPORT).",
        ),
    ] = 1
    """Processes of one producer that share its port."""
    workload: Annotated[
        Workload,
        Dimension(
            heading="workload",
            scope=Scope.REQUEST,
            changes_bytes=True,
            label=lambda key: key.workload.label,
            words=lambda key: key.workload.words,
        ),
    ] = Workload(name="get")
    """What one request asks for."""
    dialect: Annotated[
        str,
        Dimension(
            heading="dialect",
            scope=Scope.CONNECTION,
            role=Role.SERIES,
            changes_bytes=True,
            label=lambda key: "" if own_dialect(key) else key.dialect,
            words=lambda key: "" if own_dialect(key) else key.dialect,
            flag=Flag(
                name="--dialect",
                metavar="NAMES",
                help=f"Comma-separated: {', '.join((DEFAULT_DIALECT, *ALL_DIALECTS))}. "
                "Each protocol takes part in those that it speaks.",
                default=DEFAULT_DIALECT,
                choices=lambda: (DEFAULT_DIALECT, *ALL_DIALECTS),
            ),
        ),
    ] = ""
    """What messages are written in, or how a query is named: `json`, `protobuf`, `document`, `persisted`. Left empty,
    it becomes the protocol's own."""
    gzip: Annotated[bool, switch("gzip", "gzip", Scope.CONNECTION, "off,on", "Without gzip, with gzip, or both.")] = (
        False
    )
    gzip_at: Annotated[
        str,
        place(
            "gzip",
            "gzip",
            AT_PRODUCER,
            (AT_PRODUCER, AT_FRONT),
            f"Behind a front: what compresses. Comma-separated: {AT_PRODUCER}, {AT_FRONT}.",
        ),
    ] = ""
    """What compresses behind a front. Empty without gzip or without a front."""
    tls: Annotated[bool, switch("tls", "TLS", Scope.CONNECTION, "off,on", "Without TLS, with TLS, or both.")] = False
    tls_at: Annotated[
        str,
        place(
            "tls",
            "TLS",
            DEFAULT_PLACE,
            (DEFAULT_PLACE, AT_FRONT, AT_PRODUCER, AT_BOTH, PASSED),
            f"Behind a front: where TLS ends. Comma-separated: {AT_FRONT}, {AT_PRODUCER} (only the front uses TLS, "
            f"towards the producer), {AT_BOTH}, {PASSED} (through the front to the producer). {DEFAULT_PLACE}: "
            f"{AT_FRONT}, or {PASSED} with a front that forwards TCP.",
        ),
    ] = ""
    """Where TLS ends behind a front: at the front, between front and producer only, at both, or at the producer only.
    Empty without TLS or without a front; left empty otherwise, it becomes the front's own."""
    client: Annotated[
        str,
        Dimension(
            heading="client",
            scope=Scope.CONNECTION,
            label=lambda key: "" if key.client == LIBRARY else key.client,
            words=lambda key: "" if key.client == LIBRARY else f"{key.client} client",
            flag=Flag(
                name="--client",
                metavar="NAMES",
                help=f"What sends the requests. Comma-separated: {', '.join(CLIENTS)}.",
                default=LIBRARY,
                choices=lambda: tuple(CLIENTS),
            ),
        ),
    ] = LIBRARY
    """What sends the requests."""
    load: Annotated[
        Load | None,
        Dimension(
            heading="load",
            scope=Scope.CONNECTION,
            role=Role.LOAD,
            label=lambda key: "" if key.load is None else key.load.label,
            words=lambda key: "" if key.load is None else key.load.words,
        ),
    ] = None
    """None in rows of `sizes`."""
    network: Annotated[
        str,
        Dimension(
            heading="network",
            scope=Scope.PATH,
            changes_work=False,
            label=lambda key: "" if key.network == LOOPBACK else key.network.replace("=", "").replace(",", "-"),
            words=lambda key: "" if key.network == LOOPBACK else key.network,
            flag=Flag(
                name="--network",
                metavar="NAMES",
                help=f"Comma-separated: {', '.join((LOOPBACK, *profile.PROFILES))}; or, for example, "
                "rtt=40ms,down=20mbit,up=5mbit,jitter=5ms.",
                default=LOOPBACK,
                read=profile.names,
            ),
        ),
    ] = LOOPBACK
    """Its canonical name (`bench.network.profile`)."""
    front: Annotated[
        str,
        Dimension(
            heading="front",
            scope=Scope.PATH,
            changes_bytes=True,
            changes_capacity=True,
            neighbours=True,
            label=lambda key: "" if key.front == fronts.NONE else key.front,
            words=lambda key: "" if key.front == fronts.NONE else f"behind {fronts.title(key.front)}",
            flag=Flag(
                name="--front",
                metavar="NAMES",
                help=f"Proxies before the producer. Comma-separated: {', '.join((fronts.NONE, *fronts.FRONTS))}.",
                default=fronts.NONE,
                choices=lambda: (fronts.NONE, *fronts.FRONTS),
            ),
        ),
    ] = fronts.NONE
    """The proxy that clients connect to: a key of `bench.fronts.registry`, or `none`."""
    replicas: Annotated[
        int,
        number("replicas", "replicas", "x", Scope.PATH, REPLICAS_AT_MOST, "Producers behind each front."),
    ] = 1
    """Producers behind the front; 1 without one."""
    balance: Annotated[
        str,
        Dimension(
            heading="balance",
            scope=Scope.PATH,
            changes_work=False,
            changes_capacity=True,
            neighbours=True,
            label=lambda key: "" if key.balance == DEFAULT_BALANCE else key.balance,
            words=lambda key: BALANCE_IN_WORDS.get(key.balance, key.balance),
            flag=Flag(
                name="--balance",
                metavar="NAMES",
                help=f"How a front chooses among replicas. Comma-separated: {DEFAULT_BALANCE} (its own way), request "
                "(each in turn), least (the least busy).",
                default=DEFAULT_BALANCE,
                choices=lambda: BALANCES,
            ),
        ),
    ] = DEFAULT_BALANCE
    """How the front chooses among several replicas (`bench.fronts.plan.Balance`)."""
    connection: Annotated[
        Connection,
        Dimension(
            heading="connection",
            scope=Scope.CONNECTION,
            label=lambda key: "" if key.connection == PERSISTENT else key.connection,
            words=lambda key: "" if key.connection == PERSISTENT else f"{key.connection} connections",
            flag=Flag(
                name="--connection",
                metavar="persistent|new",
                help="Requests share connections that stay open, or each opens its own.",
                default=PERSISTENT,
                choices=lambda: (PERSISTENT, NEW),
            ),
        ),
    ] = PERSISTENT
    cores: Annotated[
        Cores,
        Dimension(
            heading="cores",
            scope=Scope.REQUEST,
            changes_work=False,
            label=lambda key: "" if key.cores == AWAKE else f"{key.cores}-cores",
            words=lambda key: "" if key.cores == AWAKE else "cores may sleep",
            flag=Flag(
                name="--cores",
                metavar="awake|default|awake,default",
                help="Keep idle cores awake where that is possible, let them sleep, or both in turn.",
                default=AWAKE,
                choices=lambda: (AWAKE, DEFAULT_CORES),
            ),
        ),
    ] = AWAKE
    """Whether idle cores are kept awake while it is measured."""

    def __post_init__(self) -> None:
        """Give what does not apply its usual value, so that equal configurations are equal keys."""
        if not self.dialect:
            msgspec.structs.force_setattr(self, "dialect", default_dialect(self.protocol))
        behind = self.front != fronts.NONE
        applying = {
            "gzip_at": (self.gzip_at or AT_PRODUCER) if behind and self.gzip else "",
            "tls_at": (self.tls_at or own_place(self.front)) if behind and self.tls else "",
            "replicas": self.replicas if behind else 1,
            "balance": self.balance if behind and self.replicas > 1 else DEFAULT_BALANCE,
        }
        for name, value in applying.items():
            if getattr(self, name) != value:
                msgspec.structs.force_setattr(self, name, value)

    def place_of(self, variant: str) -> str:
        """Where `gzip` or `tls` is done behind a front; empty where it is done in the usual place."""
        usual = AT_PRODUCER if variant == "gzip" else own_place(self.front)
        found: str = getattr(self, f"{variant}_at")
        return "" if found == usual else found

    @property
    def client_tls(self) -> bool:
        """Whether its client speaks TLS."""
        return self.tls and self.tls_at != AT_PRODUCER

    @property
    def producer_tls(self) -> bool:
        """Whether its producers are spoken to with TLS."""
        return self.tls and self.tls_at != AT_FRONT

    @property
    def producer_gzip(self) -> bool:
        """Whether its producers compress."""
        return self.gzip and self.gzip_at != AT_FRONT

    @property
    def key(self) -> "CellKey":
        """This key alone, without what a cell has besides."""
        return CellKey(**{name: getattr(self, name) for name in dimensions()})

    @property
    def label(self) -> str:
        """A readable name, unique within a run, such as `http-get-gzip-tls-c16`. Usual values are left out."""
        return "-".join(filter(None, (dimension.label(self) for dimension in dimensions().values())))

    @property
    def measures_latency(self) -> bool:
        """Whether its latency is what a single caller waits: one request in flight, or an open loop."""
        return self.load is None or self.load.measures_latency

    def part(self, role: Role) -> tuple[Hashable, ...]:
        """Its values in all dimensions of one role, to group by."""
        return tuple(getattr(self, name) for name, dimension in dimensions().items() if dimension.role is role)

    def without(self, *names: str) -> tuple[Hashable, ...]:
        """Its values in all dimensions but these, to pair cells that differ in these only."""
        return tuple(getattr(self, name) for name in dimensions() if name not in names)

    def usual(self, *names: str) -> "CellKey":
        """The key with these dimensions at their usual values."""
        return CellKey(**{name: getattr(self, name) for name in dimensions() if name not in names})

    @property
    def series(self) -> "CellKey":
        """What of it is compared: all dimensions but those of the series at their usual values."""
        return self.usual(*(name for name, dimension in dimensions().items() if dimension.role is not Role.SERIES))

    def of_series(self, series: "CellKey") -> "CellKey":
        """The key that differs from this one in the series only."""
        values = {name: getattr(series, name) for name, each in dimensions().items() if each.role is Role.SERIES}
        return msgspec.structs.replace(self.key, **values)

    @property
    def without_variants(self) -> "CellKey":
        """The key with the usual value of every variant: without gzip and TLS."""
        return self.usual(*(name for name, dimension in dimensions().items() if dimension.role is Role.VARIANT))

    @property
    def process(self) -> "CellKey":
        """Which producer serves it: all dimensions but those of a process at their usual values."""
        return self.usual(*(name for name, dimension in dimensions().items() if dimension.scope is not Scope.PROCESS))

    @property
    def message(self) -> "CellKey":
        """What decides the bytes of its requests: all other dimensions but the version at their usual values."""
        kept = {name for name, dimension in dimensions().items() if dimension.changes_bytes} | {"version"}
        return self.usual(*(name for name in dimensions() if name not in kept))

    @property
    def answers(self) -> tuple[Hashable, ...]:
        """Cells of a process that agree in this send the same requests and get the same responses, once decrypted."""
        return (
            self.usual(*(n for n, each in dimensions().items() if not each.changes_bytes)).without("tls"),
            self.client,
        )

    @property
    def sender(self) -> tuple[Hashable, ...]:
        """What decides how many requests its client can have in flight."""
        in_flight = None if self.load is None else self.load.connection_limit
        return (self.process, self.front, self.dialect, self.client, self.connection, in_flight)

    @property
    def spread(self) -> tuple[Hashable, ...]:
        """What decides how its calls are distributed over replicas and workers."""
        in_flight = None if self.load is None else self.load.connection_limit
        names = ("front", "replicas", "balance", "tls", "tls_at", "dialect", "client", "network", "connection")
        return (self.process, in_flight, *(getattr(self, name) for name in names))

    @property
    def path(self) -> "CellKey":
        """Between which processes its bytes travel, and how: all other dimensions at their usual values."""
        kept = {name for name, dimension in dimensions().items() if dimension.scope in (Scope.PROCESS, Scope.PATH)}
        return self.usual(*(name for name in dimensions() if name not in kept | {"gzip", "tls"}))

    @property
    def without_front(self) -> "CellKey":
        """The same cell without a front."""
        return self.usual("front")

    @property
    def connections(self) -> tuple[Hashable, ...]:
        """Cells of a process that agree in this can share a client and its connections."""
        varying = (name for name, each in dimensions().items() if each.scope in (Scope.CONNECTION, Scope.PATH))
        values = (getattr(self, name) for name in varying)
        return tuple(each.connection_limit if isinstance(each, ClosedLoad | OpenLoad) else each for each in values)


@cache
def dimensions() -> dict[str, Dimension]:
    """Every dimension by the name of its field, in order."""
    hints = get_type_hints(CellKey, include_extras=True)
    declared = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    return {name: each for name, found in declared.items() for each in found if isinstance(each, Dimension)}
