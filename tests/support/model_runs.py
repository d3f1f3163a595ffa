"""Runs with known results: latency is a fixed time plus a time for each byte, and gzip has a known ratio."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.results import Cell, CpuPerRequest, Estimate, Quantiles, Run
from bench.slices import Slices
from bench.spec import NEW, Connection
from bench.wire.results import Bytes, SetupSizes, Sizes, TlsSession
from bench.workloads import Workload
from tests.support.runs import GET, ONE, run

INSTANCES, ROUNDS = 4, 5
RECIPE_BYTES = 1000
"""Of JSON text."""
DISTURBED = (0.9, 1.0, 1.1, 1.3, 1.0)
"""What the machine makes of all cells of a round alike."""


@dataclass(frozen=True)
class Truth:
    """The true costs of one protocol."""

    fixed_ns: float = 100_000
    ns_per_byte: float = 5.0
    gzip_fixed_ns: float = 40_000
    gzip_ns_per_byte: float = 20.0
    tls_ns: float = 20_000
    density: float = 1.0
    """Message bytes for each byte of JSON."""
    request_bytes: float = 120
    overhead_bytes: float = 200
    compression: float = 4.0
    set_up_ns: float = 300_000
    instance_spread: float = 0.002
    """How far instances lie apart, as a share, in a pattern of its own."""

    def latency_ns(self, json_bytes: float, *, gzip: bool, tls: bool, new: bool = False) -> float:
        """Without a network."""
        return (
            self.fixed_ns
            + self.ns_per_byte * json_bytes
            + (self.gzip_fixed_ns + self.gzip_ns_per_byte * json_bytes) * gzip
            + self.tls_ns * tls
            + self.set_up_ns * new
        )

    def response_bytes(self, json_bytes: float, *, gzip: bool) -> float:
        """On the wire."""
        return json_bytes * self.density / (self.compression if gzip else 1.0) + self.overhead_bytes


FAST = Truth()
LEAN = Truth(fixed_ns=250_000, density=0.7, overhead_bytes=60, request_bytes=60, set_up_ns=600_000)
"""Takes longer and sends less."""
HEAVY = Truth(fixed_ns=300_000, ns_per_byte=70.0, request_bytes=350)
"""Takes longer and sends more."""
TRUTHS: dict[str, Truth] = {"http": FAST, "graphql": HEAVY, "grpc": LEAN}


@dataclass(frozen=True)
class Asked:
    """Which cells a run has."""

    truths: dict[str, Truth] = field(default_factory=lambda: dict(TRUTHS))
    pages: Sequence[int] = (1, 10, 100)
    gzip: Sequence[bool] = (False, True)
    tls: Sequence[bool] = (False, True)
    connections: Sequence[Connection] = ("persistent", NEW)
    instances: int = INSTANCES
    with_get: bool = True


def known_run(asked: Asked | None = None, **given: Any) -> Run:
    """A run of every combination, measured without a network with one request in flight."""
    asked = asked or Asked()
    workloads = [*([GET] if asked.with_get else []), *(Workload(name="list", page_size=size) for size in asked.pages)]
    return run(
        [
            known_cell(protocol, truth, workload, gzip=gzip, tls=tls, connection=connection, instances=asked.instances)
            for protocol, truth in asked.truths.items()
            for workload in workloads
            for gzip in asked.gzip
            for tls in asked.tls
            for connection in asked.connections
        ],
        **given,
    )


def json_bytes(workload: Workload) -> float:
    """The size of the response as JSON text."""
    return float(RECIPE_BYTES * (workload.page_size or 1))


def known_cell(
    protocol: str,
    truth: Truth,
    workload: Workload,
    *,
    gzip: bool,
    tls: bool,
    connection: Connection = "persistent",
    instances: int = INSTANCES,
) -> Cell:
    """One cell, whose medians are exactly the true values."""
    size = json_bytes(workload)
    latency_ns = truth.latency_ns(size, gzip=gzip, tls=tls, new=connection == NEW)
    message, response = size * truth.density, truth.response_bytes(size, gzip=gzip)
    name = f"{workload.name}{workload.page_size or ''}"
    parts = [protocol, name, *(["gzip"] if gzip else []), *(["tls"] if tls else []), ONE.label, connection]
    return Cell(
        id="-".join(parts),
        protocol=protocol,
        gzip=gzip,
        tls=tls,
        load=ONE,
        workload=workload,
        connection=connection,
        latency_ns=Quantiles(p50=Estimate(value=latency_ns, low=latency_ns * 0.99, high=latency_ns * 1.01)),
        outcomes={"ok": 1000},
        bytes=Bytes(
            request=Sizes(message_bytes=0, compressed_bytes=0, wire_bytes=truth.request_bytes),
            response=Sizes(
                message_bytes=message, compressed_bytes=response - truth.overhead_bytes, wire_bytes=response
            ),
            setup=SetupSizes(sent_wire_bytes=300.0 * tls, received_wire_bytes=1400.0 * tls),
        ),
        cpu_us_per_request=CpuPerRequest(
            producer=Estimate(value=latency_ns * 0.6e-3), consumer=Estimate(value=latency_ns / 4e3)
        ),
        tls_session=TlsSession(version="TLSv1.3") if tls else None,
        slices=_slices(latency_ns, truth.instance_spread * (1 + gzip), instances),
    )


def _slices(latency_ns: float, instance_spread: float, instances: int) -> Slices:
    rows = [(instance, number) for instance in range(instances) for number in range(ROUNDS)]
    shifts = [instance_spread * (instance % 2 * 2 - 1) for instance, _ in rows]
    return Slices.of(
        instance=[instance for instance, _ in rows],
        round=[number for _, number in rows],
        ok=[10] * len(rows),
        failed=[0] * len(rows),
        p50_ns=[latency_ns * (1 + shift) * DISTURBED[number] for shift, (_, number) in zip(shifts, rows, strict=True)],
    )
