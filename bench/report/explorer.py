"""What the first screen of the HTML report lets a reader choose from, as plain values for the page's script. Pure.

A row is one configuration without its load. It has a value for every measure, and each pair of rows that may be
compared has its ratio, as the run file or `bench.stats.ratios` gives it. The parts of the model (bench.model) go along,
so that the page predicts latencies over any link with the formula of `bench advise`.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Literal

from msgspec import Struct

from bench.dimension import Dimension, Role
from bench.fronts import registry as fronts
from bench.load_models import ClosedLoad, Load
from bench.model.choices import OWN_ERROR, Choices
from bench.model.parts import NoParts, Parts, option_of, parts_of
from bench.model.predict import exactly
from bench.report import names, units
from bench.report.costs import NS_PER_US
from bench.report.grouping import Grouping, of_measure, variant_of
from bench.report.units import Unit
from bench.results import Cell, Estimate, Ratio, RatioEstimate, Run, Verdict
from bench.spec import CellKey, dimensions
from bench.stats.estimates import Measure as Compared
from bench.stats.estimates import measure_of
from bench.stats.generator import is_bound
from bench.stats.ratios import family, paired
from bench.stats.verdicts import MARGIN, family_confidence
from bench.stats.wording import counted
from recipes.installation import COMMAND

LADDERS: dict[str, tuple[Unit, ...]] = {
    "time": units.DURATIONS_NS,
    "rate": (units.PER_SECOND,),
    "size": units.SIZES_BYTES,
}
"""Units of a measure, in ascending order. The first is the one in which its values are given."""
NOWHERE = "none"
"""Where gzip or TLS is done when it is off."""
Number = tuple[float, float | None, float | None]
"""A value and both ends of its 95 % interval."""


class Control(Struct, frozen=True):
    """A dimension that the run varies."""

    name: str
    heading: str
    values: list[str]
    """As in links; the reader sees `texts`."""
    texts: list[str]
    all_at_once: bool
    """Whether its values may stand side by side, as those of gzip and TLS do."""


class Measure(Struct, frozen=True):
    """Something that rows are compared by."""

    key: str
    """As in links: `latency-c1`."""
    text: str
    """`median latency, 1 in flight`."""
    ladder: Literal["time", "rate", "size"]
    lower_is_better: bool
    predictable: bool = False
    """Whether the model predicts it over a network."""
    exact: bool = False
    """Whether it is counted, and so has no interval."""


class Shown(Struct, frozen=True, array_like=True):
    """A value of a row."""

    value: float
    low: float | None
    high: float | None
    samples: int
    is_bound: bool


class Exchange(Struct, frozen=True, array_like=True):
    """What the model takes from a row: latency on loopback in nanoseconds, and bytes of a request and its response."""

    value: float
    low: float | None
    high: float | None
    request_bytes: float
    response_bytes: float


class Row(Struct, frozen=True):
    """One configuration without its load."""

    series: int
    at: list[int]
    """The place of its value in every control."""
    variant: str
    """`gzip+TLS`."""
    values: dict[str, Shown]
    """By the key of the measure."""
    exchange: Exchange | None
    payload_bytes: float | None
    """The response's message over the baseline protocol: `bench advise --payload`."""


class Pair(Struct, frozen=True, array_like=True):
    """The first row divided by the second."""

    first: int
    second: int
    measure: str
    value: float
    low: float | None
    high: float | None
    verdict: Verdict
    word: str
    """Why the verdict is inconclusive."""


class Gap(Struct, frozen=True, array_like=True):
    """How many nanoseconds longer the first row takes than the second on loopback, with the corrected interval."""

    first: int
    second: int
    value: float
    low: float | None
    high: float | None


class Explorer(Struct, frozen=True):
    """Everything that the first screen can show."""

    series: list[str]
    baseline: int
    """The series that others are compared with at first."""
    controls: list[Control]
    measures: list[Measure]
    rows: list[Row]
    pairs: list[Pair]
    gaps: list[Gap]
    ladders: dict[str, list[tuple[str, float]]]
    program: str
    """What starts the bench where the run was made: `python -m bench`."""
    margin: float = MARGIN
    model_error: float = OWN_ERROR
    restarted: bool = True


def explorer_of(run: Run, grouping: Grouping) -> Explorer | None:
    """None where the run measured nothing."""
    measured = [cell for cell in run.cells if cell.status == "measured"]
    loads = list(dict.fromkeys(cell.load for cell in measured if cell.load is not None))
    together: dict[Hashable, list[Cell]] = {}
    # Protocols side by side within each setting of gzip and TLS.
    for cell in sorted(measured, key=lambda each: each.part(Role.VARIANT)):
        together.setdefault(cell.without("load"), []).append(cell)
    if not together or not loads:
        return None
    parts = _parts(run)
    controls = list(_controls(measured))
    row_of = {cell.id: number for number, cells in enumerate(together.values()) for cell in cells}
    rows = [_row(cells, controls, grouping, parts) for cells in together.values()]
    keys = {key for row in rows for key in row.values}
    measures = [each for each in _measures(loads) if each.key in keys]
    if not measures:
        return None
    baseline = next((n for n, each in enumerate(grouping.series) if grouping.is_baseline(each)), 0)
    return Explorer(
        series=[names.series(each) for each in grouping.series],
        baseline=baseline,
        controls=controls,
        measures=measures,
        rows=rows,
        pairs=list(_pairs(run, measured, row_of)),
        gaps=[] if parts is None else list(_gaps(Choices(parts), row_of)),
        ladders={name: [(unit.symbol, unit.size) for unit in ladder] for name, ladder in LADDERS.items()},
        program=f"{COMMAND} bench" if run.command.startswith(f"{COMMAND} ") else "python -m bench",
        restarted=parts is None or parts.restarted,
    )


def _parts(run: Run) -> Parts | None:
    try:
        return parts_of(run)
    except NoParts:
        return None


def _controls(cells: Sequence[Cell]) -> Iterator[Control]:
    """The workload always, as it says what is shown; other dimensions where they vary, unless those before decide."""
    before: list[str] = []
    for name, each in dimensions().items():
        if each.role not in (Role.GROUP, Role.VARIANT, Role.PLACE):
            continue
        found: dict[Any, Cell] = {}
        for cell in cells:
            found.setdefault(getattr(cell, name), cell)
        together = each.role is not Role.GROUP
        ordered = sorted(found) if together else list(found)
        # A place is empty where its variant is off.
        chosen = [value for value in ordered if value or each.role is not Role.PLACE]
        if name != "workload" and (len(chosen) < 2 or _decided(name, before, cells)):
            continue
        before.append(name)
        yield Control(
            name,
            each.heading,
            [_link_word(each, found[value], value) for value in ordered],
            [_reader_word(each, found[value], value) for value in ordered],
            all_at_once=together,
        )


def _decided(name: str, before: Sequence[str], cells: Sequence[Cell]) -> bool:
    """Whether a dimension has one value for each combination of others, as the replicas behind each front may have."""
    found: dict[tuple[Hashable, ...], Hashable] = {}
    return all(
        found.setdefault(tuple(getattr(cell, other) for other in before), getattr(cell, name)) == getattr(cell, name)
        for cell in cells
    )


def _link_word(dimension: Dimension, key: CellKey, value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    # The label of a place depends on the front: it is empty where the front has it by itself.
    label = "" if dimension.role is Role.PLACE else dimension.label(key)
    return label or str(value) or NOWHERE


def _reader_word(dimension: Dimension, key: CellKey, value: Any) -> str:
    """`on`; `raw client`; for a usual value, which has no words of its own, `library client`."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if dimension.role is Role.PLACE:
        return value or NOWHERE
    if value == fronts.NONE:
        return f"no {dimension.heading}"
    if isinstance(value, int):
        return counted(value, dimension.heading.removesuffix("s"))
    return dimension.words(key) or f"{value} {dimension.heading}"


def _measures(loads: Sequence[Load]) -> Iterator[Measure]:
    """Latency first, then throughput, bytes and CPU, in the order of the loads."""
    latency = [load for load in loads if load.measures_latency]
    for load in latency:
        alone = isinstance(load, ClosedLoad)
        yield Measure(f"latency-{load.label}", f"median latency, {load.words}", "time", True, predictable=alone)
    for load in loads:
        if not load.measures_latency:
            yield Measure(f"rate-{load.label}", f"throughput, {load.words}", "rate", False)
    for load in latency:
        yield Measure(f"p99-{load.label}", f"p99 latency, {load.words}", "time", True)
    yield Measure("bytes", "bytes on the wire, request + response", "size", True, exact=True)
    for load in loads:
        for side in SIDES:
            yield Measure(f"{side}-cpu-{load.label}", f"{side} CPU per request, {load.words}", "time", True)


SIDES = {"server": "producer", "front": "front", "client": "consumer"}
"""Sides, and their fields of CpuPerRequest."""


def _row(cells: Sequence[Cell], controls: Sequence[Control], grouping: Grouping, parts: Parts | None) -> Row:
    first = cells[0]
    declared = dimensions()
    at = [
        control.values.index(_link_word(declared[control.name], first, getattr(first, control.name)))
        for control in controls
    ]
    found = None if parts is None else _exchange(cells, parts)
    return Row(
        series=grouping.series.index(first.series),
        at=at,
        variant=variant_of(first).label,
        values={key: shown for cell in cells for key, shown in _values(cell)},
        exchange=found,
        payload_bytes=None if parts is None or found is None else parts.payload_bytes[first.workload],
    )


def _exchange(cells: Sequence[Cell], parts: Parts) -> Exchange | None:
    for cell in cells:
        found = parts.exchanges.get(option_of(cell), {}).get(cell.workload)
        if found is not None and found.cell.id == cell.id:
            latency = found.latency_ns
            return Exchange(latency.value, latency.low, latency.high, found.request_bytes, found.response_bytes)
    return None


def _values(cell: Cell) -> Iterator[tuple[str, Shown]]:
    if cell.load is None:
        return
    label, samples = cell.load.label, cell.outcomes.get("ok", 0)
    found: dict[str, Estimate | None] = {}
    if cell.measures_latency and cell.latency_ns is not None:
        found = {f"latency-{label}": cell.latency_ns.p50, f"p99-{label}": cell.latency_ns.p99}
    elif not cell.measures_latency:
        found = {f"rate-{label}": cell.requests_per_second}
    for side, field in SIDES.items():
        spent: Estimate | None = getattr(cell.cpu_us_per_request, field, None)
        found[f"{side}-cpu-{label}"] = None if spent is None else _in_ns(spent)
    for key, each in found.items():
        if each is not None and each.value > 0:
            bound = key.startswith("rate-") and is_bound(cell)
            yield key, Shown(*_rounded(each), samples, bound)
    if (size := _wire_bytes(cell)) is not None:
        yield "bytes", Shown(size, None, None, samples, is_bound=False)


def _in_ns(spent: Estimate) -> Estimate:
    low, high = (None if end is None else end * NS_PER_US for end in (spent.low, spent.high))
    return Estimate(value=spent.value * NS_PER_US, low=low, high=high)


def _wire_bytes(cell: Cell) -> float | None:
    if cell.bytes is None:
        return None
    both = cell.bytes.request.wire_bytes, cell.bytes.response.wire_bytes
    return None if both[0] is None or both[1] is None else both[0] + both[1]


def _rounded(found: Estimate) -> Number:
    """To six digits, which is twice what is shown."""
    low, high = (None if end is None else _six(end) for end in (found.low, found.high))
    return _six(found.value), low, high


def _six(value: float) -> float:
    return float(f"{value:.6g}")


def _pairs(run: Run, cells: Sequence[Cell], row_of: Mapping[str, int]) -> Iterator[Pair]:
    """Each series against each other at equal gzip and TLS, and each against itself without both."""
    by_id = {cell.id: cell for cell in cells}
    wanted = [pair for pair in _comparable(cells) if row_of[pair[0]] != row_of[pair[1]]]
    computed: dict[Compared, list[tuple[str, str]]] = {}
    for first, second in wanted:
        known = _known(by_id[first], second)
        if known is not None:
            yield _pair(first, second, by_id[first], known, row_of)
        else:
            computed.setdefault(measure_of(by_id[first]), []).append((first, second))
    confidence = family_confidence(sum(map(len, computed.values())))
    restarted = not run.environment.get("foreign_target")
    for measure, pairs in computed.items():
        found = {
            pair: logs
            for pair in pairs
            if (logs := paired(by_id[pair[0]].slices, by_id[pair[1]].slices, measure)) is not None
        }
        ratios = family(list(found.values()), [confidence] * len(found))
        for (first, second), ratio in zip(found, ratios, strict=True):
            yield _pair(first, second, by_id[first], ratio.estimate(measure, restarted=restarted), row_of)


def _comparable(cells: Sequence[Cell]) -> Iterator[tuple[str, str]]:
    """Later series before earlier ones, so that most ratios are those of the run file."""
    series = [name for name, each in dimensions().items() if each.role is Role.SERIES]
    same: dict[Hashable, list[str]] = {}
    for cell in cells:
        same.setdefault(cell.without(*series), []).append(cell.id)
    for together in same.values():
        yield from ((second, first) for first, second in combinations(together, 2))
    by_key = {cell.key: cell.id for cell in cells}
    for cell in cells:
        plain = by_key.get(cell.without_variants)
        if plain is not None and plain != cell.id:
            yield cell.id, plain


def _known(cell: Cell, other: str) -> RatioEstimate | None:
    """What the run file has."""
    ratios: tuple[Ratio | None, ...] = (cell.ratio, cell.ratio_to_plain)
    found = next((ratio for ratio in ratios if ratio is not None and ratio.baseline == other), None)
    return of_measure(found, cell)


def _pair(first: str, second: str, cell: Cell, ratio: RatioEstimate, row_of: Mapping[str, int]) -> Pair:
    assert cell.load is not None
    key = f"{'latency' if cell.measures_latency else 'rate'}-{cell.load.label}"
    ends = Estimate(value=ratio.value, low=ratio.low, high=ratio.high)
    return Pair(row_of[first], row_of[second], key, *_rounded(ends), ratio.verdict, names.undecided(ratio))


def _gaps(choices: Choices, row_of: Mapping[str, int]) -> Iterator[Gap]:
    parts = choices.parts
    for workload in parts.payload_bytes:
        at = exactly(parts, workload)
        for tls in (False, True):
            for first, second in combinations(parts.options(tls=tls), 2):
                found = choices.difference(first, second, at)
                if found is not None:
                    one, other = (row_of[parts.exchanges[each][workload].cell.id] for each in (first, second))
                    yield Gap(one, other, found.value, *(found.corrected or (None, None)))
