"""Break-evens over a network: at which bandwidth gzip pays or a protocol takes the lead. Predicted from a run. Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from bench.model.break_even import BreakEven, Kind
from bench.model.choices import Choices, RateBreakEven, baseline_break_evens, gzip_break_evens
from bench.model.parts import NoParts, parts_of
from bench.model.regions import Region, regions
from bench.network.profile import RATE_BPS_AT_LEAST, RATE_BPS_AT_MOST
from bench.report import names, units
from bench.report.document import Chart, Column, Entry, Statement, Table, TableBuilder
from bench.report.grouping import Grouping
from bench.report.plots import Area, AreaMap, Label
from bench.results import Estimate, Run
from bench.stats.verdicts import MARGIN
from bench.stats.wording import percent

TITLE = "Over a network"
EXPLANATION = (
    "Predicted, not measured, from latencies without a network and bytes on the wire. Bandwidth = TCP payload, "
    "symmetric, keep-alive connections. RTT is the same for every protocol and so does not move the break-even. In "
    "parentheses: 95 % confidence interval."
)
ROUND_TRIPS_NS = (1_000_000, 40_000_000)
"""A map for each: within a data centre, and across a continent."""
LABELLED_FROM = 0.03
"""Areas that take up less of the map have no words within."""


@dataclass(frozen=True, slots=True)
class Range:
    """The values at which something holds: all, none, those below or above a limit, or unknown."""

    kind: Kind
    limit: str = ""
    """With its unit and interval."""
    at_least: bool = False
    """Whether only the lower end of the limit is known."""

    def bandwidths(self) -> str:
        """Within a sentence: `on links slower than 38 Mbit/s`. For kinds with a limit."""
        if self.kind == "below":
            return f"on links slower than {self.limit}{', possibly also on faster ones' if self.at_least else ''}"
        return f"{'at most ' if self.at_least else ''}on links faster than {self.limit}"

    @property
    def brief(self) -> str:
        """In a few words, without the interval: `below 38 Mbit/s`, `below at least 38 Mbit/s`, `always`."""
        value = self.limit.partition(" (")[0]
        return f"{self.kind} {'at least ' if self.at_least else ''}{value}".rstrip()

    def short(self) -> str:
        """In a table: `always`, `never`, `below 38 Mbit/s`, `above ≥ 120 Mbit/s, if at all`, `inconclusive`."""
        if not self.at_least:
            return f"{self.kind} {self.limit}".rstrip()
        return f"{self.kind} ≥ {self.limit}{'' if self.kind == 'below' else ', if at all'}"


def bandwidth_range(found: BreakEven) -> Range:
    """A break-even in bits per second. A limit beyond every link counts as `always` or `never`."""
    if found.at is None:
        return Range(found.kind)
    at, below = found.at, found.kind == "below"
    if at.low is not None and at.low > RATE_BPS_AT_MOST:
        return Range("always" if below else "never")
    if at.high is not None and at.high < RATE_BPS_AT_LEAST:
        return Range("never" if below else "always")
    if at.low is not None and at.high is None:
        return Range(found.kind, bandwidth(Estimate(value=at.low)), at_least=True)
    return Range(found.kind, bandwidth(at))


def value_range(found: BreakEven, ladder: Sequence[units.Unit]) -> Range:
    """A break-even in the base unit of `ladder`, such as nanoseconds or bytes."""
    if found.at is None:
        return Range(found.kind)
    at = found.at
    closed = at if at.low is not None and at.high is not None else Estimate(value=at.value)
    return Range(found.kind, units.with_symbol(closed, units.chosen(ladder, [at.value])))


def bandwidth(found: Estimate) -> str:
    """`38 Mbit/s (36–40)`."""
    return units.with_symbol(found, units.chosen(units.RATES_BPS, [found.value]))


def gzip_helps(name: str, found: Range) -> str:
    """A sentence on whether gzip helps a protocol, by bandwidth."""
    match found.kind:
        case "always" | "never":
            return f"gzip {found.kind} helps {name}."
        case "inconclusive":
            return f"Whether gzip helps {name} is inconclusive."
        case _:
            return f"gzip helps {name} {found.bandwidths()}."


def is_faster(name: str, other: str, found: Range) -> str:
    """A sentence on whether one option is faster than another, by bandwidth."""
    match found.kind:
        case "always" | "never":
            return f"{name} is {found.kind} faster than {other}."
        case "inconclusive":
            return f"Whether {name} is faster than {other} is inconclusive."
        case _:
            return f"{name} is faster than {other} {found.bandwidths()}."


@dataclass(frozen=True, slots=True)
class BreakEvens:
    """All break-evens of a run."""

    statements: tuple[Statement, ...]
    table: Table
    maps: tuple[Chart, ...]


Found = tuple[Choices, Sequence[RateBreakEven], Sequence[RateBreakEven]]
"""The choices of a run, the break-evens of gzip, and those of other protocols with the baseline."""


def break_evens(run: Run, grouping: Grouping) -> BreakEvens | None:
    """None where the run lacks what a prediction needs."""
    if (found := _found(run)) is None:
        return None
    return BreakEvens(tuple(_statements(*found)), _table(*found), tuple(_maps(found[0], grouping)))


def statements_of(run: Run) -> tuple[Statement, ...]:
    """The sentences alone, without maps, which take longer."""
    found = _found(run)
    return () if found is None else tuple(_statements(*found))


def table_of(run: Run) -> Table | None:
    """The table alone."""
    found = _found(run)
    return None if found is None else _table(*found)


def _found(run: Run) -> Found | None:
    try:
        choices = Choices(parts_of(run))
    except NoParts:
        return None
    of_gzip, of_baseline = list(gzip_break_evens(choices)), list(baseline_break_evens(choices))
    return (choices, of_gzip, of_baseline) if of_gzip or of_baseline else None


def _statements(
    choices: Choices, of_gzip: Sequence[RateBreakEven], of_baseline: Sequence[RateBreakEven]
) -> Iterator[Statement]:
    """With TLS where that was measured, as most networks need it."""
    tls = choices.parts.has_tls
    for workload in choices.parts.payload_bytes:
        sentences = [
            gzip_helps(names.series(each.option.series), bandwidth_range(each.found))
            for each in of_gzip
            if each.workload == workload and each.option.tls == tls
        ]
        leads: dict[tuple[str, str], dict[bool, Range]] = {}
        for each in of_baseline:
            if each.workload == workload and each.option.tls == tls:
                pair = names.series(each.option.series), names.series(each.other.series)
                leads.setdefault(pair, {})[each.option.gzip] = bandwidth_range(each.found)
        for (name, other), found in leads.items():
            sentences += _with_and_without_gzip(name, other, found)
        if sentences:
            yield Statement(workload.words, tuple(sentences))


def _with_and_without_gzip(name: str, other: str, found: dict[bool, Range]) -> list[str]:
    """One sentence where gzip makes no difference, else one for each."""
    if len(set(found.values())) == 1:
        return [is_faster(name, other, next(iter(found.values())))]
    return [
        is_faster(f"{name} {'with' if gzip else 'without'} gzip", f"{other} {'with' if gzip else 'without'} gzip", each)
        for gzip, each in found.items()
    ]


def _table(choices: Choices, of_gzip: Sequence[RateBreakEven], of_baseline: Sequence[RateBreakEven]) -> Table:
    baseline = names.series(choices.parts.baseline)
    built = TableBuilder(
        "Break-even bandwidths",
        [
            *(Column(text, numeric=False) for text in ("workload", "TLS", "protocol")),
            Column("gzip helps"),
            Column(f"faster than {baseline}, without gzip"),
            Column(f"faster than {baseline}, with gzip"),
        ],
    )
    pays = {(each.workload, each.option): each.found for each in of_gzip}
    beats = {(each.workload, each.option): each.found for each in of_baseline}
    for workload in choices.parts.payload_bytes:
        for series, tls in dict.fromkeys((option.series, option.tls) for option in choices.parts.exchanges):
            plain, compressed = (replace(series, gzip=gzip, tls=tls) for gzip in (False, True))
            found = [pays.get((workload, compressed)), beats.get((workload, plain)), beats.get((workload, compressed))]
            built.add(
                (workload.words, "TLS" if tls else "plain", names.series(series)),
                [Entry("" if each is None else bandwidth_range(each).short()) for each in found],
            )
    return built.table()


def _maps(choices: Choices, grouping: Grouping) -> Iterator[Chart]:
    """With TLS where that was measured; none where the payloads measured are too close together."""
    tls = choices.parts.has_tls
    for rtt_ns in ROUND_TRIPS_NS:
        if found := regions(choices, tls=tls, rtt_ns=rtt_ns):
            yield _map(found, grouping, choices, rtt_ns, tls=tls)


def _map(found: Sequence[Region], grouping: Grouping, choices: Choices, rtt_ns: int, *, tls: bool) -> Chart:
    x_unit, y_unit = units.RATES_BPS[2], units.SIZES_BYTES[1]
    rtt_ms = rtt_ns / units.DURATIONS_NS[2].size
    areas = tuple(
        Area(
            (each.rate[0] / x_unit.size, each.rate[1] / x_unit.size),
            (each.payload[0] / y_unit.size, each.payload[1] / y_unit.size),
            grouping.series.index(each.option.series),
            each.option.gzip,
            each.clear,
        )
        for each in found
    )
    labels = tuple(Label(x / x_unit.size, y / y_unit.size, text) for x, y, text in _labels(found))
    size = f"response size with {names.series(choices.parts.baseline)}, {y_unit.symbol}"
    return Chart(
        AreaMap(areas, labels, f"bandwidth, {x_unit.symbol}", size),
        f"Fastest protocol ({'TLS' if tls else 'no TLS'}, {rtt_ms:g} ms RTT). Hatched = with gzip. "
        f"Grey = within {percent(MARGIN)} or not significant",
        "; ".join(f"{name}: {percent(_share(some, found))} of the map" for name, some in _by_name(found).items()),
        in_table=False,
    )


def _by_name(found: Sequence[Region]) -> dict[str, list[Region]]:
    named: dict[str, list[Region]] = {}
    for each in found:
        named.setdefault(names.option(each.option) if each.clear else "no clear winner", []).append(each)
    return named


def _share(some: Sequence[Region], found: Sequence[Region]) -> float:
    return sum(map(_width, some)) / sum(map(_width, found))


def _width(region: Region) -> float:
    """On the map, where rows are of equal height."""
    return math.log(region.rate[1] / region.rate[0])


def _labels(found: Sequence[Region]) -> Iterator[tuple[float, float, str]]:
    """Rate, payload and name of every area that is large enough: in the middle of its middle row."""
    for name, some in _by_name(found).items():
        if _share(some, found) < LABELLED_FROM:
            continue
        widest = max(map(_width, some))
        wide = [each for each in some if _width(each) > widest / 2]
        middle = wide[len(wide) // 2]
        yield math.sqrt(middle.rate[0] * middle.rate[1]), math.sqrt(middle.payload[0] * middle.payload[1]), name
