"""Where the difference between two protocols comes from: encoding, transport, client library. Pure.

Two protocols that share two dialects give four cells. With L(transport, encoding) the median latency that a caller sees
through the consumer, and W the same with next to no client (the raw client), the difference of both protocols, each in
its own dialect, is taken apart:

    encoding    mean over both transports of L(·, other's) − L(·, baseline's)
    rest        mean over both encodings of L(other, ·) − L(baseline, ·)
      transport   the same mean of W: what carries the messages, and the producer's stack that does it
      library     the same mean of L − W: the client's side of it

These sum to the whole, exactly. It is the Shapley value of two factors, under which an interaction of both is shared
out evenly. What a transport costs cannot be told apart from the libraries that speak it where no two share one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from bench.clients.registry import LIBRARY
from bench.dialects import dialect_of
from bench.results import Cell, Estimate
from bench.stats.distributions import Floats
from bench.stats.estimates import COMPLETE, levels
from bench.stats.measures import LATENCY, measure_of
from consumers.registry import default_dialect, dialects

RAW = "raw"
_SHARED = ("version", "workload", "gzip", "tls", "load", "network", "connection")
_CORNERS = tuple(product((0, 1), (0, 1)))
"""Transport and encoding: 0 is the baseline's, 1 the other protocol's."""
CORNERS = len(_CORNERS)


@dataclass(frozen=True, slots=True)
class Compared:
    """Four cells that differ in transport and encoding alone."""

    baseline: str
    other: str
    """Protocols."""
    encodings: tuple[str, str]
    """The baseline's dialect, and the other's."""
    cells: tuple[Cell, Cell, Cell, Cell]
    """In the order of transport, then encoding."""
    wire_cells: tuple[Cell, Cell, Cell, Cell] | None
    """The same by the raw client; None where not all were measured."""

    @property
    def first(self) -> Cell:
        """The baseline in its own dialect."""
        return self.cells[0]


@dataclass(frozen=True, slots=True)
class LatencyParts:
    """A difference in median latency, in nanoseconds, and what it is made of."""

    whole: Estimate
    encoding: Estimate
    rest: Estimate
    transport: Estimate | None
    """With the producer's stack. None, as `library`, without cells of the raw client."""
    library: Estimate | None


@dataclass(frozen=True, slots=True)
class ByteParts:
    """A difference in bytes of one direction of a request: content and framing of each part."""

    encoding_content: float
    encoding_framing: float
    transport_content: float
    """A transport can carry more or less of the message itself: HTTP has the request in its path."""
    transport_framing: float

    @property
    def whole(self) -> float:
        """All of it, on the wire."""
        return self.encoding_content + self.encoding_framing + self.transport_content + self.transport_framing


def compared(cells: Sequence[Cell]) -> list[Compared]:
    """Every four cells of a run that take a difference from its first protocol, the baseline, apart; in order."""
    usable = [cell for cell in cells if cell.status == "measured" and measure_of(cell) is LATENCY]
    found: dict[tuple[object, ...], dict[tuple[str, str, str], Cell]] = {}
    for cell in usable:
        setting = tuple(getattr(cell, name) for name in _SHARED)
        found.setdefault(setting, {})[cell.client, cell.protocol, dialect_of(cell)] = cell
    return [each for arms in found.values() for each in _within(arms, cells[0].protocol)]


def _within(arms: dict[tuple[str, str, str], Cell], baseline: str) -> Iterator[Compared]:
    for other in dict.fromkeys(protocol for _, protocol, _ in arms if protocol != baseline):
        encodings = (default_dialect(baseline), default_dialect(other))
        if encodings[0] == encodings[1] or not all(set(encodings) <= set(dialects(each)) for each in (baseline, other)):
            continue
        four, wire = (
            [arms.get((client, (baseline, other)[t], encodings[e])) for t, e in _CORNERS] for client in (LIBRARY, RAW)
        )
        cells, wire_cells = _whole(four), _whole(wire)
        if cells is not None:
            yield Compared(baseline, other, encodings, cells, wire_cells)


def _whole(four: Sequence[Cell | None]) -> tuple[Cell, Cell, Cell, Cell] | None:
    a, b, c, d = four
    return None if a is None or b is None or c is None or d is None else (a, b, c, d)


def latency_parts(found: Compared) -> LatencyParts | None:
    """The difference in latency; each instance gives one value of every part. None where none has all cells."""
    columns = [*found.cells, *(found.wire_cells or ())]
    by_instance = _medians(columns)
    if not by_instance:
        return None
    medians = np.asarray(list(by_instance.values()))
    consumer, wire = medians[:, :CORNERS], medians[:, CORNERS:]
    instances = list(by_instance)

    def estimate(values: Floats) -> Estimate:
        found = levels(instances, [float(value) for value in values])
        assert found is not None
        return found.estimate()

    rest = _of_transport(consumer)
    return LatencyParts(
        whole=estimate(consumer[:, 3] - consumer[:, 0]),
        encoding=estimate(_of_encoding(consumer)),
        rest=estimate(rest),
        transport=estimate(_of_transport(wire)) if found.wire_cells else None,
        library=estimate(rest - _of_transport(wire)) if found.wire_cells else None,
    )


def _of_encoding(four: Floats) -> Floats:
    """`four`: instances × corners."""
    return (four[:, 1] - four[:, 0] + four[:, 3] - four[:, 2]) / 2


def _of_transport(four: Floats) -> Floats:
    return (four[:, 2] - four[:, 0] + four[:, 3] - four[:, 1]) / 2


def _medians(cells: Sequence[Cell]) -> dict[int, list[float]]:
    """By instance the median of each cell's slices, freed of what whole rounds have in common.

    What disturbs a round moves all of its cells by about one factor. Ratios cancel it by pairing slices; here as many
    cells as there are have to stay comparable, so the median factor of each round is divided out first (one step of
    Tukey's median polish). It is that of the consumer's cells, since others may take part in some rounds only. A
    instance in which a cell has no slice, or with fewer rounds than a quarter of what is usual, is left out.
    """
    slices: dict[int, dict[int, dict[int, float]]] = {}
    for column, cell in enumerate(cells):
        rows = zip(cell.slices.instance, cell.slices.round, cell.slices.p50_ns, strict=True)
        for instance, number, p50_ns in rows:
            if p50_ns:
                rounds = slices.setdefault(instance, {})
                if column < CORNERS or number in rounds:
                    rounds.setdefault(number, {})[column] = p50_ns
    whole = {
        instance: rounds
        for instance, rounds in sorted(slices.items())
        if len({column for each in rounds.values() for column in each}) == len(cells)
    }
    usual = float(np.median([len(rounds) for rounds in whole.values()])) if whole else 0.0
    found: dict[int, list[float]] = {}
    for instance, rounds in whole.items():
        if len(rounds) >= COMPLETE * usual:
            table = np.full((len(rounds), len(cells)), np.nan)
            for row, each in enumerate(rounds.values()):
                for column, p50_ns in each.items():
                    table[row, column] = p50_ns
            shared = np.nanmedian((table / np.nanmedian(table, axis=0))[:, :CORNERS], axis=1, keepdims=True)
            found[instance] = [float(value) for value in np.nanmedian(table / shared, axis=0)]
    return found


def byte_parts(found: Compared, direction: str) -> ByteParts | None:
    """The difference in the bytes of one `request` or `response`. None where the sizes of a cell are not known."""
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
