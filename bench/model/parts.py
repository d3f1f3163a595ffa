"""The measurements that predictions start from: for each option, what one request takes on loopback. Pure.

An option is what can be chosen: a protocol in a dialect, with one setting of gzip and TLS. It is a CellKey with all
other dimensions at their usual values. Its requests are known at the payloads that the run measured; between them they
are interpolated (bench.model.predict).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from bench.dimension import Role
from bench.load_models import ClosedLoad
from bench.protocols import set_up_round_trips
from bench.results import Cell, Estimate, Run
from bench.spec import NEW, PERSISTENT, CellKey, dimensions
from bench.stats.client_cost import latency_difference
from bench.stats.estimates import positive_estimate
from bench.workloads import Workload

PAGES = ("list", "get")
"""Workloads that respond with recipes and differ in their number, so that what they take grows with the payload."""
ONE_IN_FLIGHT = ClosedLoad(concurrency=1)
APART = 1.5
"""Payloads that are closer together than this factor are not interpolated between: their sizes do not explain the
difference of their latencies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request with its response on loopback, over an open connection, with one in flight."""

    cell: Cell
    latency_ns: Estimate
    """The median."""
    request_bytes: float
    """Everything handed to TCP."""
    message_bytes: float
    """Of the response: its JSON text or protobuf message."""
    compression: float
    """Message bytes divided by compressed bytes; 1 without gzip."""
    overhead_bytes: float
    """Wire bytes of the response beyond the compressed message."""
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
    """How much longer a request takes over a new connection on loopback, mostly for cryptography. None: not
    measured."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that the model takes from a run."""

    payload_bytes: Mapping[Workload, float]
    """The response's message bytes over the baseline protocol, by workload, ascending. They stand for the size of the
    data, however it is encoded."""
    exchanges: Mapping[CellKey, Mapping[Workload, Exchange]]
    """Of every option that was measured with all of these workloads."""
    set_ups: Mapping[CellKey, SetUp]
    baseline: CellKey
    """The series of the first cell, as in CellKey.series."""
    restarted: bool
    """Whether producers were started more than once; if not, there is no verdict."""

    @property
    def curve(self) -> list[Workload]:
        """The workloads to interpolate between, ascending; a page is preferred to a single recipe of the same size."""
        chosen: list[Workload] = []
        for workload in sorted(self.payload_bytes, key=lambda each: PAGES.index(each.name)):
            size = self.payload_bytes[workload]
            if all(max(size / other, other / size) >= APART for other in map(self.payload_bytes.__getitem__, chosen)):
                chosen.append(workload)
        return sorted(chosen, key=self.payload_bytes.__getitem__)

    @property
    def has_tls(self) -> bool:
        """Whether anything was measured with TLS."""
        return any(option.tls for option in self.exchanges)

    def options(self, *, tls: bool) -> list[CellKey]:
        """The options with or without TLS, in the order of the run."""
        return [option for option in self.exchanges if option.tls == tls]


class NoParts(Exception):
    """A run from which nothing can be predicted. The text is one line that says what is missing."""


def parts_of(run: Run) -> Parts:
    """The parts of a run. Raises NoParts."""
    if any(cell.version is not None for cell in run.cells):
        raise NoParts("it compares two versions; predictions need a run of one")
    usable = [cell for cell in run.cells if _is_usable(cell)]
    steady = [cell for cell in usable if cell.connection == PERSISTENT and _is_known(cell)]
    if not steady:
        raise NoParts(
            "it has no latency on loopback with one request in flight through the client library, for get or list, "
            "with known sizes"
        )
    baseline = steady[0].series
    payloads = {
        cell.workload: size for cell in steady if cell.series == baseline and (size := _message_bytes(cell)) is not None
    }
    exchanges: dict[CellKey, dict[Workload, Exchange]] = {}
    for cell in steady:
        if cell.workload in payloads and (found := _exchange(cell)) is not None:
            exchanges.setdefault(option_of(cell), {})[cell.workload] = found
    whole = {option: found for option, found in exchanges.items() if found.keys() == payloads.keys()}
    if not whole:
        raise NoParts("none of its configurations was measured with every workload of the baseline")
    return Parts(
        payload_bytes=dict(sorted(payloads.items(), key=lambda pair: pair[1])),
        exchanges=whole,
        set_ups={option: _set_up(option, found.values(), usable) for option, found in whole.items()},
        baseline=baseline,
        restarted=_restarted(run, steady),
    )


def option_of(key: CellKey) -> CellKey:
    """The option that a cell belongs to."""
    chosen = (Role.SERIES, Role.VARIANT)
    return key.usual(*(name for name, dimension in dimensions().items() if dimension.role not in chosen))


def _is_usable(cell: Cell) -> bool:
    """Whether it differs from its option in what is predicted only, and has one request in flight."""
    expected = replace(option_of(cell), workload=cell.workload, connection=cell.connection, load=ONE_IN_FLIGHT)
    return cell.status == "measured" and cell.workload.name in PAGES and cell.key == expected


def _is_known(cell: Cell) -> bool:
    return (
        _latency_ns(cell) is not None
        and cell.bytes is not None
        and cell.bytes.request.wire_bytes is not None
        and cell.bytes.response.wire_bytes is not None
    )


def _latency_ns(cell: Cell) -> Estimate | None:
    """The median; where there are too few requests for one, that of the slices that there are."""
    if cell.latency_ns is not None and cell.latency_ns.p50 is not None:
        return cell.latency_ns.p50
    return positive_estimate(cell.slices.instance, cell.slices.p50_ns, cell.slices.started_ns)


def _message_bytes(cell: Cell) -> float | None:
    return None if cell.bytes is None else cell.bytes.response.message_bytes


def _exchange(cell: Cell) -> Exchange | None:
    latency = _latency_ns(cell)
    if latency is None or cell.bytes is None:
        return None
    sent, response = cell.bytes.request.wire_bytes, cell.bytes.response
    if sent is None or not response.wire_bytes:
        return None
    # Where the message inside TLS is not known, the whole response stands for it.
    message = response.message_bytes or response.wire_bytes
    compressed = response.compressed_bytes or response.wire_bytes
    return Exchange(
        cell=cell,
        latency_ns=latency,
        request_bytes=sent,
        message_bytes=message,
        compression=message / compressed,
        overhead_bytes=response.wire_bytes - compressed,
        producer_ns=_cpu_ns(cell, "producer"),
        consumer_ns=_cpu_ns(cell, "consumer"),
    )


def _cpu_ns(cell: Cell, side: str) -> float:
    spent: Estimate | None = getattr(cell.cpu_us_per_request, side, None)
    return 0.0 if spent is None else spent.value * 1e3


def _set_up(option: CellKey, steady: Iterable[Exchange], usable: Sequence[Cell]) -> SetUp:
    cells = [found.cell for found in steady]
    session = cells[0].tls_session
    sizes = cells[0].bytes.setup if cells[0].bytes is not None else None
    fresh = {cell.workload: cell for cell in usable if option_of(cell) == option and cell.connection == NEW}
    # The smallest response, where set-up is the largest share.
    both = next(((fresh[cell.workload], cell) for cell in cells if cell.workload in fresh), None)
    return SetUp(
        round_trips=set_up_round_trips(
            option.protocol, tls=option.tls, tls_version=session.version if session is not None else None
        ),
        sent_bytes=(sizes.sent_wire_bytes if sizes is not None else None) or 0.0,
        received_bytes=(sizes.received_wire_bytes if sizes is not None else None) or 0.0,
        latency_ns=None if both is None else latency_difference(both[0].slices, both[1].slices),
    )


def _restarted(run: Run, cells: Sequence[Cell]) -> bool:
    instances = {instance for cell in cells for instance in cell.slices.instance}
    return len(instances) > 1 and not run.environment.get("foreign_target")
