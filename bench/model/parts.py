"""What predictions are made of, taken from a run: for each arm what one request takes with nothing in its path. Pure.

An arm is a protocol with one setting of gzip and TLS. Its exchanges are known at the payloads that the run measured;
between them they are interpolated (bench.model.payload).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.contenders import Contender, contender_of
from bench.network.profile import LOOPBACK
from bench.protocols import set_up_round_trips
from bench.results import Cell, ClosedLoad, Estimate, Run, Workload
from bench.spec import LIBRARY, NEW, PERSISTENT
from bench.stats.client_cost import latency_difference
from bench.stats.estimates import positive_estimate

PAGES = ("list", "get")
"""Workloads whose answers are recipes, and differ in how many: what one request takes grows with the payload."""
APART = 1.5
"""Payloads that lie closer together than this factor make no line: what separates their latencies is not their size."""


@dataclass(frozen=True, slots=True)
class Arm:
    """What can be chosen: whom to ask, and how."""

    contender: Contender
    gzip: bool
    tls: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer over a connection that is open, on the loopback interface, one in flight."""

    cell: Cell
    latency_ns: Estimate
    """The median."""
    request_bytes: float
    """Everything handed to TCP."""
    message_bytes: float
    """The answer's JSON text or protobuf message."""
    compression: float
    """Message bytes divided by the bytes that gzip makes of them; 1 without."""
    overhead_bytes: float
    """What the answer takes on the wire beyond that."""
    producer_ns: float
    consumer_ns: float
    """CPU time; 0 where it is not known."""

    @property
    def response_bytes(self) -> float:
        """Everything handed to TCP."""
        return self.message_bytes / self.compression + self.overhead_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """What a connection takes before its first request."""

    round_trips: int
    sent_bytes: float
    received_bytes: float
    latency_ns: Estimate | None
    """How much longer a request takes over a new connection, without a network: mostly cryptography. None: not
    measured."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a run tells a model."""

    payload_bytes: Mapping[Workload, float]
    """The answer's message over the baseline protocol, by workload, ascending: what stands for the size of what is
    asked for, however it is encoded."""
    exchanges: Mapping[Arm, Mapping[Workload, Exchange]]
    """Of every arm that was measured with all of these workloads."""
    set_ups: Mapping[Arm, SetUp]
    baseline: Contender
    sure: bool
    """Whether producers were started afresh more than once, without which there is no verdict."""

    @property
    def curve(self) -> list[Workload]:
        """The workloads between which may be interpolated, ascending; pages of the same size go before single ones."""
        chosen: list[Workload] = []
        for workload in sorted(self.payload_bytes, key=lambda each: PAGES.index(each.name)):
            size = self.payload_bytes[workload]
            if all(max(size / other, other / size) >= APART for other in map(self.payload_bytes.__getitem__, chosen)):
                chosen.append(workload)
        return sorted(chosen, key=self.payload_bytes.__getitem__)

    @property
    def has_tls(self) -> bool:
        """Whether anything was measured with TLS."""
        return any(arm.tls for arm in self.exchanges)

    def arms(self, *, tls: bool) -> list[Arm]:
        """Those with or without TLS, in the order of the run."""
        return [arm for arm in self.exchanges if arm.tls == tls]


class NoParts(Exception):
    """A run from which nothing can be predicted. The text says what is missing, in one line."""


def parts_of(run: Run) -> Parts:
    """The parts in a run. Raises NoParts."""
    if any(cell.version is not None for cell in run.cells):
        raise NoParts("it compares two versions of the same, between which nobody has to choose by network")
    asked = [cell for cell in run.cells if _is_asked(cell)]
    steady = [cell for cell in asked if cell.connection == PERSISTENT and _is_known(cell)]
    if not steady:
        raise NoParts(
            "it holds no latency on loopback with one request in flight through the consumer, for get or list, "
            "of cells whose bytes are known"
        )
    baseline = contender_of(steady[0])
    payloads = {
        cell.workload: size
        for cell in steady
        if contender_of(cell) == baseline and (size := _message_bytes(cell)) is not None
    }
    exchanges: dict[Arm, dict[Workload, Exchange]] = {}
    for cell in steady:
        if cell.workload in payloads and (found := _exchange(cell)) is not None:
            exchanges.setdefault(arm_of(cell), {})[cell.workload] = found
    whole = {arm: found for arm, found in exchanges.items() if found.keys() == payloads.keys()}
    if not whole:
        raise NoParts("no combination in it was measured with every workload of the baseline")
    return Parts(
        payload_bytes=dict(sorted(payloads.items(), key=lambda pair: pair[1])),
        exchanges=whole,
        set_ups={arm: _set_up(arm, found.values(), asked) for arm, found in whole.items()},
        baseline=baseline,
        sure=_restarted(run, steady),
    )


def arm_of(cell: Cell) -> Arm:
    """The arm that a cell belongs to."""
    return Arm(contender_of(cell), cell.gzip, cell.tls)


def _is_asked(cell: Cell) -> bool:
    return (
        cell.status == "measured"
        and cell.workload.name in PAGES
        and cell.client == LIBRARY
        and cell.network == LOOPBACK
        and isinstance(cell.load, ClosedLoad)
        and cell.load.concurrency == 1
    )


def _is_known(cell: Cell) -> bool:
    return (
        _latency_ns(cell) is not None
        and cell.bytes is not None
        and cell.bytes.request.wire_bytes is not None
        and cell.bytes.response.wire_bytes is not None
    )


def _latency_ns(cell: Cell) -> Estimate | None:
    """The median of all answers; where these are too few, that of slices."""
    if cell.latency_ns is not None and cell.latency_ns.p50 is not None:
        return cell.latency_ns.p50
    return positive_estimate(cell.slices.instance, cell.slices.p50_ns)


def _message_bytes(cell: Cell) -> float | None:
    return None if cell.bytes is None else cell.bytes.response.message_bytes


def _exchange(cell: Cell) -> Exchange | None:
    latency = _latency_ns(cell)
    if latency is None or cell.bytes is None:
        return None
    sent, answer = cell.bytes.request.wire_bytes, cell.bytes.response
    assert sent is not None
    assert answer.wire_bytes is not None
    # Where the message inside TLS could not be told, all of the answer stands for it.
    message, compressed = answer.message_bytes or answer.wire_bytes, answer.compressed_bytes or answer.wire_bytes
    return Exchange(
        cell=cell,
        latency_ns=latency,
        request_bytes=sent,
        message_bytes=message,
        compression=message / compressed,
        overhead_bytes=answer.wire_bytes - compressed,
        producer_ns=_cpu_ns(cell, "producer"),
        consumer_ns=_cpu_ns(cell, "consumer"),
    )


def _cpu_ns(cell: Cell, side: str) -> float:
    spent: Estimate | None = getattr(cell.cpu_us_per_request, side, None)
    return 0.0 if spent is None else spent.value * 1e3


def _set_up(arm: Arm, steady: Iterable[Exchange], asked: Sequence[Cell]) -> SetUp:
    cells = [found.cell for found in steady]
    session = cells[0].tls_session
    sizes = cells[0].bytes.setup if cells[0].bytes is not None else None
    fresh = {cell.workload: cell for cell in asked if arm_of(cell) == arm and cell.connection == NEW}
    # The smallest answer, where what set-up adds is the largest share.
    both = next(((fresh[cell.workload], cell) for cell in cells if cell.workload in fresh), None)
    return SetUp(
        round_trips=set_up_round_trips(
            arm.contender.protocol, tls=arm.tls, tls_version=session.version if session is not None else None
        ),
        sent_bytes=(sizes.sent_wire_bytes if sizes is not None else None) or 0.0,
        received_bytes=(sizes.received_wire_bytes if sizes is not None else None) or 0.0,
        latency_ns=None if both is None else latency_difference(both[0].slices, both[1].slices),
    )


def _restarted(run: Run, cells: Sequence[Cell]) -> bool:
    instances = {instance for cell in cells for instance in cell.slices.instance}
    return len(instances) > 1 and not run.environment.get("foreign_target")
