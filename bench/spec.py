"""The matrix: which combinations are measured under which loads, and how a cell is called."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from bench.network.profile import LOOPBACK
from bench.results import ClosedLoad, Load
from bench.workloads import WorkloadChoice
from consumers.registry import default_dialect, dialects

Connection = Literal["persistent", "new"]
PERSISTENT: Connection = "persistent"
"""Requests share connections that stay open."""
NEW: Connection = "new"
"""Every request opens a connection of its own, and what that takes is part of its latency."""
DEFAULT_DIALECT = "default"
"""Stands for each protocol's own."""
LIBRARY = "library"
"""The client that is what a caller in this language sees. The headline ratios are its."""


@dataclass(frozen=True, slots=True, order=True)
class Combination:
    """Protocol × gzip × TLS × workload, of one version of the producer."""

    protocol: str
    gzip: bool
    tls: bool
    workload: WorkloadChoice
    version: str = ""
    """Which of the producers that are compared; empty where there is one only."""
    dialect: str = ""
    """What its messages are written in, or how its query is named; empty: as is usual for the protocol."""

    @property
    def label(self) -> str:
        """A readable name, such as `http-get-gzip-tls`. What is usual is left out."""
        parts = [*([self.version] if self.version else []), self.protocol, self.workload.label]
        parts += [self.dialect] if self.dialect else []
        parts += ["gzip"] if self.gzip else []
        parts += ["tls"] if self.tls else []
        return "-".join(parts)


@dataclass(frozen=True, slots=True)
class CellPlan:
    """One combination under one load, over one network, by one client: what becomes a row of the run file."""

    combination: Combination
    load: Load
    network: str = LOOPBACK
    connection: Connection = PERSISTENT
    client: str = LIBRARY

    @property
    def id(self) -> str:
        """A readable name, unique within a run, such as `http-get-gzip-tls-c16`. What is usual is left out."""
        client = [] if self.client == LIBRARY else [self.client]
        parts = [self.combination.label, *client, load_label(self.load)]
        parts += [network_label(self.network)] if self.network != LOOPBACK else []
        parts += [self.connection] if self.connection != PERSISTENT else []
        return "-".join(parts)

    @property
    def measures_latency(self) -> bool:
        """Whether its latency is what a single caller waits for: one in flight, or open arrivals."""
        return not isinstance(self.load, ClosedLoad) or self.load.concurrency == 1


def spoken(protocol: str, named: Sequence[str]) -> list[str]:
    """Those of the dialects named that a protocol speaks, as a Combination has them: its own as the empty text."""
    own = default_dialect(protocol)
    found = [name for name in named if name in (DEFAULT_DIALECT, *dialects(protocol))]
    return list(dict.fromkeys("" if name in (DEFAULT_DIALECT, own) else name for name in found))


def load_label(load: Load) -> str:
    """A load in a few characters: `c16` for 16 in flight, `r500` for 500 due per second."""
    return f"c{load.concurrency}" if isinstance(load, ClosedLoad) else f"r{load.rate_hz:g}"


def network_label(network: str) -> str:
    """A network's name without signs: `wifi`, `rtt40ms-down20mbit`."""
    return network.replace("=", "").replace(",", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The dimensions, each in the order given. Their product is measured."""

    protocols: Sequence[str]
    gzip: Sequence[bool]
    tls: Sequence[bool]
    workloads: Sequence[WorkloadChoice]
    loads: Sequence[Load]
    dialects: Sequence[str] = (DEFAULT_DIALECT,)
    """Each protocol takes part in those of them that it speaks."""
    versions: Sequence[str] = ("",)
    networks: Sequence[str] = (LOOPBACK,)
    """By their canonical names (bench.network.profile)."""
    connections: Sequence[Connection] = (PERSISTENT,)
    clients: Sequence[str] = (LIBRARY,)
    extra_arms: Sequence[tuple[str, Load]] = ()
    """Clients with a load each, measured for every combination besides."""

    def combinations(self) -> Iterator[Combination]:
        """Every combination, versions and protocols outermost."""
        for version, protocol, workload in product(self.versions, self.protocols, self.workloads):
            for dialect, gzip, tls in product(spoken(protocol, self.dialects), self.gzip, self.tls):
                yield Combination(protocol, gzip, tls, workload, version, dialect)

    def cells(self) -> list[CellPlan]:
        """Every combination under every load by every client, over every network and kind of connection."""
        arms = [*product(self.clients, self.loads), *self.extra_arms]
        settings = list(product(arms, self.networks, self.connections))
        return [
            CellPlan(combination, load, network, connection, client)
            for combination in self.combinations()
            for (client, load), network, connection in settings
        ]
