"""Maps of who is fastest over a network, by rate and payload, one for each of two round trips. From the run alone."""

import math
from collections.abc import Iterator, Sequence

from bench.model.choices import Choices
from bench.model.parts import NoParts, parts_of
from bench.model.regions import Region, regions
from bench.report import charts, names, units
from bench.report.charts import Area, Label
from bench.report.grouping import Arrangement
from bench.report.latency_charts import Figure
from bench.results import Run
from bench.stats.wording import percent

ROUND_TRIPS_NS = (1_000_000, 40_000_000)
"""A map for each: within a data centre, and across a continent."""
WITH_GZIP, WITHOUT_GZIP, UNCLEAR = 0.9, 0.45, 0.12
"""How much colour an area has."""
LABELLED_FROM = 0.03
"""Areas that take up less of the map have no words within."""


def break_even_maps(run: Run, arrangement: Arrangement) -> list[Figure]:
    """With TLS where that was measured; none where the run does not hold what it takes."""
    try:
        choices = Choices(parts_of(run))
    except NoParts:
        return []
    tls = choices.parts.has_tls
    found = [(rtt_ns, regions(choices, tls=tls, rtt_ns=rtt_ns)) for rtt_ns in ROUND_TRIPS_NS]
    return [_map(areas, arrangement, choices, rtt_ns, tls=tls) for rtt_ns, areas in found if areas]


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
            y_title=f"an answer as {names.contender(choices.parts.baseline)} says it, {y_unit.symbol}",
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
    return names.arm(region.arm) if region.clear else "no clear difference"


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
