"""Attribution: how much of the difference between two protocols is due to encoding, transport and library. Pure.

Two protocols that share two dialects give four cells. L(transport, encoding) is the median latency through the client
library, and W the same through the raw client. The difference of the two protocols, each in its own dialect, is the sum
of these parts:

    encoding    mean over both transports of L(·, other's) − L(·, baseline's)
    rest        mean over both encodings of L(other, ·) − L(baseline, ·)
      transport   the same mean of W: the transport and the producer's library for it
      library     the same mean of L − W: the client's library

The sum is exact. Encoding and rest are the Shapley values of two factors, which divide an interaction of the two
equally. The cost of a transport cannot be separated from that of the libraries that implement it, unless two transports
share one.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from bench.clients.registry import LIBRARY, RAW
from bench.results import Cell, Estimate
from bench.stats.estimates import COMPLETE, LATENCY, levels, measure_of
from bench.stats.standard_error import Floats
from consumers.registry import default_dialect, dialects

_CORNERS = tuple(product((0, 1), (0, 1)))
"""Transport and encoding: 0 is the baseline's, 1 the other protocol's."""
CORNERS = len(_CORNERS)


@dataclass(frozen=True, slots=True)
class Compared:
    """Four cells that differ in transport and encoding only."""

    baseline: str
    other: str
    """Protocols."""
    encodings: tuple[str, str]
    """The baseline's dialect, and the other's."""
    cells: tuple[Cell, Cell, Cell, Cell]
    """In the order of transport, then encoding."""
    raw_cells: tuple[Cell, Cell, Cell, Cell] | None
    """The same by the raw client; None where not all were measured."""

    @property
    def first(self) -> Cell:
        """The baseline in its own dialect."""
        return self.cells[0]


@dataclass(frozen=True, slots=True)
class LatencyParts:
    """A difference in median latency and its parts, in nanoseconds."""

    whole: Estimate
    encoding: Estimate
    rest: Estimate
    transport: Estimate | None
    """Including the producer's library. None, as is `library`, without cells of the raw client."""
    library: Estimate | None


@dataclass(frozen=True, slots=True)
class ByteParts:
    """A difference in the bytes of one direction of a request, and its parts: content and framing."""

    encoding_content: float
    encoding_framing: float
    transport_content: float
    """Transports can differ in the message itself: HTTP has the request in its path."""
    transport_framing: float

    @property
    def whole(self) -> float:
        """The difference on the wire."""
        return self.encoding_content + self.encoding_framing + self.transport_content + self.transport_framing


def compared(cells: Sequence[Cell]) -> list[Compared]:
    """All groups of four cells by which a difference from the first protocol, the baseline, can be attributed."""
    found: dict[Hashable, dict[tuple[str, str, str], Cell]] = {}
    for cell in cells:
        if cell.status == "measured" and measure_of(cell) is LATENCY:
            shared = cell.without("client", "protocol", "dialect")
            found.setdefault(shared, {})[cell.client, cell.protocol, cell.dialect] = cell
    return [each for group in found.values() for each in _within(group, cells[0].protocol)]


def _within(group: dict[tuple[str, str, str], Cell], baseline: str) -> Iterator[Compared]:
    """`group`: cells by client, protocol and dialect, with all else equal."""
    for other in dict.fromkeys(protocol for _, protocol, _ in group if protocol != baseline):
        encodings = (default_dialect(baseline), default_dialect(other))
        if encodings[0] == encodings[1] or not all(set(encodings) <= set(dialects(each)) for each in (baseline, other)):
            continue
        four, raw = (
            [group.get((client, (baseline, other)[t], encodings[e])) for t, e in _CORNERS] for client in (LIBRARY, RAW)
        )
        cells, raw_cells = _whole(four), _whole(raw)
        if cells is not None:
            yield Compared(baseline, other, encodings, cells, raw_cells)


def _whole(four: Sequence[Cell | None]) -> tuple[Cell, Cell, Cell, Cell] | None:
    a, b, c, d = four
    return None if a is None or b is None or c is None or d is None else (a, b, c, d)


def latency_parts(found: Compared) -> LatencyParts | None:
    """The difference in latency. Each instance gives one value of every part. None if no instance has all cells."""
    columns = [*found.cells, *(found.raw_cells or ())]
    by_instance = _medians(columns)
    if not by_instance:
        return None
    medians = np.asarray(list(by_instance.values()))
    library, raw = medians[:, :CORNERS], medians[:, CORNERS:]
    instances = list(by_instance)

    def estimate(values: Floats) -> Estimate:
        at_levels = levels(instances, [float(value) for value in values])
        assert at_levels is not None
        return at_levels.estimate()

    rest = _of_transport(library)
    return LatencyParts(
        whole=estimate(library[:, 3] - library[:, 0]),
        encoding=estimate(_of_encoding(library)),
        rest=estimate(rest),
        transport=estimate(_of_transport(raw)) if found.raw_cells else None,
        library=estimate(rest - _of_transport(raw)) if found.raw_cells else None,
    )


def _of_encoding(four: Floats) -> Floats:
    """`four`: instances × corners."""
    return (four[:, 1] - four[:, 0] + four[:, 3] - four[:, 2]) / 2


def _of_transport(four: Floats) -> Floats:
    return (four[:, 2] - four[:, 0] + four[:, 3] - four[:, 1]) / 2


def _medians(cells: Sequence[Cell]) -> dict[int, list[float]]:
    """The median of each cell's slices, by instance, without the effect of whole rounds.

    A disturbance of a round moves all of its cells by about the same factor. Ratios cancel it by pairing slices. Here
    four or eight cells have to stay comparable, so the median factor of each round is divided out first (one step of
    Tukey's median polish). It is that of the library's cells, since others may take part in some rounds only. An
    instance is left out if a cell has no slice in it, or if it has less than a quarter of the usual rounds.
    """
    slices: dict[int, dict[int, dict[int, float]]] = {}
    for column, cell in enumerate(cells):
        rows = zip(cell.slices.instance, cell.slices.round, cell.slices.p50_ns, strict=True)
        for instance, number, p50_ns in rows:
            if p50_ns:
                rounds = slices.setdefault(instance, {})
                if column < CORNERS or number in rounds:
                    rounds.setdefault(number, {})[column] = p50_ns
    complete = {
        instance: rounds
        for instance, rounds in sorted(slices.items())
        if len({column for each in rounds.values() for column in each}) == len(cells)
    }
    usual = float(np.median([len(rounds) for rounds in complete.values()])) if complete else 0.0
    found: dict[int, list[float]] = {}
    for instance, rounds in complete.items():
        if len(rounds) >= COMPLETE * usual:
            table = np.full((len(rounds), len(cells)), np.nan)
            for row, each in enumerate(rounds.values()):
                for column, p50_ns in each.items():
                    table[row, column] = p50_ns
            shared = np.nanmedian((table / np.nanmedian(table, axis=0))[:, :CORNERS], axis=1, keepdims=True)
            found[instance] = [float(value) for value in np.nanmedian(table / shared, axis=0)]
    return found


def byte_parts(found: Compared, direction: str) -> ByteParts | None:
    """The difference in the bytes of a `request` or a `response`. None where the sizes of a cell are not known."""
    content: list[float] = []
    framing: list[float] = []
    for cell in found.cells:
        sizes = getattr(cell.bytes, direction) if cell.bytes is not None else None
        if sizes is None or sizes.compressed_bytes is None or sizes.wire_bytes is None:
            return None
        content.append(sizes.compressed_bytes)
        framing.append(sizes.wire_bytes - sizes.compressed_bytes)
    table = np.asarray([content, framing])
    encoding, transport = _of_encoding(table), _of_transport(table)
    return ByteParts(float(encoding[0]), float(encoding[1]), float(transport[0]), float(transport[1]))
