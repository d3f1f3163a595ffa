"""What a run found about each workload, in plain words. All computed; no word that an interval does not carry.

Latency first, then throughput, then what gzip and TLS cost and save, then bytes and CPU, then what is not known.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.contenders import Contender, contender_of
from bench.report import comparing, names, units
from bench.report.costs import NS_PER_US, size_of
from bench.report.grouping import Arrangement, LoadGroup, Variant, WorkloadGroup
from bench.results import Cell, Estimate
from bench.stats.wording import counted, some_of


@dataclass(frozen=True, slots=True)
class Statement:
    """Some sentences, and what they are about."""

    topic: str
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """All in a row."""
        return " ".join(self.sentences)


def of_workload(group: WorkloadGroup, arrangement: Arrangement) -> list[Statement]:
    """Everything worth saying about one workload, in a reader's order."""
    found = [Statement(_topic(load), comparing.protocols(group, load, arrangement)) for load in _told(group)]
    found += _of_switch(group, "gzip")
    found += _of_switch(group, "TLS")
    found += _bytes(group)
    found += _cpu(group)
    found += _unknown(group, arrangement)
    return [statement for statement in found if statement.sentences]


def in_short(group: WorkloadGroup, arrangement: Arrangement) -> str:
    """The answer in a few seconds: who is fastest and by how much, and who needs the fewest bytes."""
    load = group.latency or next(iter(_told(group)), None)
    said = []
    if load is not None:
        said = [comparing.lead(group, load, arrangement), *comparing.distances(group, load, arrangement, everywhere="")]
    said += [statement.text for statement in _bytes(group)]
    return " ".join(sentence for sentence in said if sentence)


def _topic(load: LoadGroup) -> str:
    return "Latency" if load.is_latency else "Throughput"


def _told(group: WorkloadGroup) -> list[LoadGroup]:
    """The loads with something measured."""
    return [load for load in group.loads if load.load and any(cell.status == "measured" for cell in load.cells)]


def _of_switch(group: WorkloadGroup, switch: str) -> Iterator[Statement]:
    """What gzip or TLS, alone, costs and saves each protocol."""
    load = group.latency
    if load is None:
        return
    plain, on = Variant(False, False), Variant(switch == "gzip", switch == "TLS")
    parts = []
    for contender in group.contenders:
        without, with_it = load.at(contender, plain), load.at(contender, on)
        if without is not None and with_it is not None:
            parts.append(_effect(without, with_it, switch))
    if parts:
        yield Statement(f"What {switch} costs", tuple(parts))


def _effect(without: Cell, with_it: Cell, switch: str) -> str:
    """One protocol with the switch on and off."""
    name = names.contender(contender_of(with_it))
    said = comparing.with_and_without(without, with_it, switch)
    sizes = [size_of(cell, "response", "wire") for cell in (without, with_it)]
    if sizes[0] is None or sizes[1] is None:
        return f"{name}: {said}."
    unit = units.byte_unit(sizes)
    before, after = (units.size(round(each), unit) for each in sizes if each is not None)
    told = f"{before} to {after} {unit.symbol} on the wire ({units.change(sizes[0], sizes[1])})"
    return f"{name}: {said}; an answer goes from {told}."


def _bytes(group: WorkloadGroup) -> Iterator[Statement]:
    """What one exchange takes on the wire, plain where that was measured."""
    cells = list(group.one_per_combination())
    for variant in group.variants[:1]:
        totals = {
            contender_of(cell): (request + response, response)
            for cell in cells
            if (cell.gzip, cell.tls) == variant
            and (request := size_of(cell, "request", "wire")) is not None
            and (response := size_of(cell, "response", "wire")) is not None
        }
        if not totals:
            continue
        ordered = sorted(totals, key=lambda contender: totals[contender])
        unit = units.byte_unit(total for total, _ in totals.values())
        told = [
            f"{units.size(round(totals[contender][0]), unit)} {unit.symbol} over {names.contender(contender)}"
            for contender in ordered
        ]
        told[0] += " (fewest)" if _one_is_least(totals, ordered) else ""
        yield Statement(
            "Bytes",
            (f"On the wire, a median request and answer together take {names.listed(told)}, {variant.in_words}.",),
        )


def _one_is_least(totals: dict[Contender, tuple[float, float]], ordered: list[Contender]) -> bool:
    return len(ordered) > 1 and totals[ordered[0]][0] < totals[ordered[1]][0]


def _cpu(group: WorkloadGroup) -> Iterator[Statement]:
    """What one request takes of the producer's and the consumer's CPU."""
    load = group.latency
    if load is None or not group.variants:
        return
    variant = group.variants[0]
    cells = [cell for contender in group.contenders if (cell := load.at(contender, variant)) is not None]
    spent = {contender_of(cell): cell.cpu_us_per_request for cell in cells if cell.cpu_us_per_request is not None}
    sides = []
    for side in ("producer", "consumer"):
        told: dict[Contender, Estimate] = {
            contender: estimate for contender, each in spent.items() if (estimate := getattr(each, side)) is not None
        }
        unit = units.chosen(units.DURATIONS_NS, [each.value * NS_PER_US for each in told.values()])
        figures = [
            f"{names.contender(contender)} {units.number(each.value * NS_PER_US, unit)} {unit.symbol}"
            for contender, each in told.items()
        ]
        sides += [f"of the {side} {', '.join(figures)}"] if figures else []
    if sides:
        yield Statement(
            "CPU", (f"CPU per request {names.with_load(load.load)}, {variant.in_words}: {'; '.join(sides)}.",)
        )


def _unknown(group: WorkloadGroup, arrangement: Arrangement) -> Iterator[Statement]:
    """What a reader might look for and will not find."""
    said = []
    compared = [(cell, found) for cell in group.cells if (found := arrangement.against_baseline(cell)) is not None]
    inconclusive = [cell.id for cell, found in compared if found.verdict == "inconclusive"]
    if inconclusive and arrangement.baseline is not None:
        said.append(
            f"Without a verdict: {len(inconclusive)} of {counted(len(compared), 'comparison')} with "
            f"{arrangement.baseline} ({some_of(inconclusive)})."
        )
    missing = [f"{cell.id} ({names.status(cell)})" for cell in group.cells if cell.status != "measured"]
    if missing:
        said.append(
            f"{counted(len(missing), 'cell')} have no figures: {some_of(missing)}.".replace("1 cell have", "1 cell has")
        )
    measured = [cell for cell in group.cells if cell.status == "measured"]
    if measured and all(size_of(cell, "response", "wire") is None for cell in group.one_per_combination()):
        said.append("Bytes on the wire were not measured.")
    tailless = [
        cell.id
        for load in group.loads
        if load.is_latency
        for cell in load.cells
        if cell.status == "measured" and (cell.latency_ns is None or cell.latency_ns.p99 is None)
    ]
    if tailless:
        said.append(
            f"p99 is not told in {counted(len(tailless), 'cell')}, with too few answers for it ({some_of(tailless)})."
        )
    if said:
        yield Statement("Not known", tuple(said))
