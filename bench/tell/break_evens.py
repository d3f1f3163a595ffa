"""Where the answer flips over a network, in a report: in words, as a table, and as a map. From the run alone. Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.judge.wording import percent
from bench.model.break_even import BreakEven
from bench.model.choices import Choices
from bench.model.flips import Flip, baseline_flips, gzip_flips
from bench.model.parts import Arm, NoParts, parts_of
from bench.model.regions import Region, regions
from bench.run_file import Run
from bench.tell import charts, names, units
from bench.tell.arrangement import Arrangement, Contender
from bench.tell.break_even_words import at_rates
from bench.tell.charts import Area, Label
from bench.tell.figures import Figure
from bench.tell.summary import Statement
from bench.tell.table import Builder, Column, Entry, Table

TITLE = "Over a network"
EXPLANATION = (
    "Predicted, not measured, from the latencies without a network and the bytes on the wire: a rate is of what TCP "
    "carries, as fast up as down, over connections that are open. Then every request takes one round trip, whatever "
    "protocol, so that its length moves none of these rates. In parentheses: the 95 % interval."
)
ROUND_TRIPS_NS = (1_000_000, 40_000_000)
"""A map for each: within a data centre, and across a continent."""
WITH_GZIP, WITHOUT_GZIP, UNCLEAR = 0.9, 0.45, 0.12
"""How much colour an area has."""
LABELLED_FROM = 0.03
"""Areas that take up less of the map have no words within."""


@dataclass(frozen=True, slots=True)
class BreakEvens:
    """Everything that is told."""

    statements: tuple[Statement, ...]
    table: Table
    maps: tuple[Figure, ...]


def break_evens(run: Run, arrangement: Arrangement, *, drawn: bool = True) -> BreakEvens | None:
    """None where the run does not hold what it takes. Without `drawn` there are no maps."""
    try:
        choices = Choices(parts_of(run))
    except NoParts:
        return None
    of_gzip, of_baseline = list(gzip_flips(choices)), list(baseline_flips(choices))
    if not of_gzip and not of_baseline:
        return None
    tls = any(arm.tls for arm in choices.parts.exchanges)
    return BreakEvens(
        tuple(_statements(choices, of_gzip, of_baseline, tls=tls)),
        _table(choices, of_gzip, of_baseline),
        tuple(_maps(choices, arrangement, tls=tls)) if drawn else (),
    )


def _statements(
    choices: Choices, of_gzip: Sequence[Flip], of_baseline: Sequence[Flip], *, tls: bool
) -> Iterator[Statement]:
    baseline = choices.parts.baseline.label
    for workload in choices.parts.payload_bytes:
        sentences = []
        pays = [
            f"{at_rates(flip.found)} over {flip.arm.contender.label}"
            for flip in of_gzip
            if flip.workload == workload and flip.arm.tls == tls
        ]
        sentences += [f"gzip pays {names.listed(pays)}."] if pays else []
        beats: dict[Contender, dict[bool, str]] = {}
        for flip in of_baseline:
            if flip.workload == workload and flip.arm.tls == tls:
                beats.setdefault(flip.arm.contender, {})[flip.arm.gzip] = at_rates(flip.found)
        told = [f"{contender.label} {_with_and_without(said)}" for contender, said in beats.items()]
        sentences += [f"Faster than {baseline}: {'; '.join(told)}."] if told else []
        if sentences:
            yield Statement(names.workload(workload), tuple(sentences))


def _with_and_without(said: dict[bool, str]) -> str:
    """`at no rate`, or `below 24 Mbit/s without gzip, at no rate with gzip`."""
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return ", ".join(f"{text} {'with' if gzip else 'without'} gzip" for gzip, text in said.items())


def _table(choices: Choices, of_gzip: Sequence[Flip], of_baseline: Sequence[Flip]) -> Table:
    baseline = choices.parts.baseline.label
    headings = [Column(text, numeric=False) for text in ("workload", "TLS", "protocol")]
    built = Builder(
        "Rates at which the answer flips",
        [
            *headings,
            Column("gzip pays"),
            Column(f"faster than {baseline}, without gzip"),
            Column(f"faster than {baseline}, with gzip"),
        ],
    )
    pays = {(flip.workload, flip.arm): flip.found for flip in of_gzip}
    beats = {(flip.workload, flip.arm): flip.found for flip in of_baseline}
    for workload in choices.parts.payload_bytes:
        for contender, tls in dict.fromkeys((arm.contender, arm.tls) for arm in choices.parts.exchanges):
            plain, coded = Arm(contender, False, tls), Arm(contender, True, tls)
            found = [pays.get((workload, coded)), beats.get((workload, plain)), beats.get((workload, coded))]
            built.add(
                (names.workload(workload), "TLS" if tls else "plain", contender.label),
                [_entry(each) for each in found],
            )
    return built.table()


def _entry(found: BreakEven | None) -> Entry:
    return Entry("" if found is None else at_rates(found))


def _maps(choices: Choices, arrangement: Arrangement, *, tls: bool) -> Iterator[Figure]:
    for rtt_ns in ROUND_TRIPS_NS:
        found = regions(choices, tls=tls, rtt_ns=rtt_ns)
        if found:
            yield _map(found, arrangement, choices, rtt_ns, tls=tls)


def _map(found: Sequence[Region], arrangement: Arrangement, choices: Choices, rtt_ns: int, *, tls: bool) -> Figure:
    x_unit, y_unit = units.RATES_BPS[2], units.SIZES_BYTES[1]
    trip = units.number(rtt_ns, units.DURATIONS_NS[2])
    areas = [
        Area(
            (each.rate[0] / x_unit.size, each.rate[1] / x_unit.size),
            (each.payload[0] / y_unit.size, each.payload[1] / y_unit.size),
            arrangement.contenders.index(each.arm.contender),
            _opacity(each),
        )
        for each in found
    ]
    return Figure(
        charts.areas(
            areas,
            [Label(x / x_unit.size, y / y_unit.size, text) for x, y, text in _labels(found)],
            x_title=f"rate, {x_unit.symbol}",
            y_title=f"an answer as {choices.parts.baseline.label} says it, {y_unit.symbol}",
        ),
        f"Who is fastest {'with' if tls else 'without'} TLS at a round trip of {trip} ms; dark with gzip, lighter "
        "without; pale where others do as well or no difference is sure",
        "; ".join(_shares(found)),
    )


def _opacity(region: Region) -> float:
    if not region.clear:
        return UNCLEAR
    return WITH_GZIP if region.arm.gzip else WITHOUT_GZIP


def _name(region: Region) -> str:
    return region.arm.label if region.clear else "no clear difference"


def _by_name(found: Sequence[Region]) -> dict[str, list[Region]]:
    named: dict[str, list[Region]] = {}
    for each in found:
        named.setdefault(_name(each), []).append(each)
    return named


def _share(some: Sequence[Region], found: Sequence[Region]) -> float:
    return sum(map(_width, some)) / sum(map(_width, found))


def _width(region: Region) -> float:
    """On the map, where rows are of equal height."""
    return math.log(region.rate[1] / region.rate[0])


def _labels(found: Sequence[Region]) -> Iterator[tuple[float, float, str]]:
    """Rate, payload and name of every area that has room for it: in the middle of its middle row."""
    for name, some in _by_name(found).items():
        if _share(some, found) < LABELLED_FROM:
            continue
        widest = max(map(_width, some))
        wide = [each for each in some if _width(each) > widest / 2]
        middle = wide[len(wide) // 2]
        yield math.sqrt(middle.rate[0] * middle.rate[1]), math.sqrt(middle.payload[0] * middle.payload[1]), name


def _shares(found: Sequence[Region]) -> Iterator[str]:
    for name, some in _by_name(found).items():
        yield f"{name} in {percent(_share(some, found))} of the map"
