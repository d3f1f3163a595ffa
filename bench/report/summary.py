"""What a run found about each workload, in sentences. Every claim is backed by an interval.

Latency first, then throughput, then the effects of gzip and TLS, then bytes and CPU, then what is missing.

`faster` and `slower` are said where the run file's verdict says so, and nowhere else. A series is called the fastest
when every other one is shown to be slower. Two series that are not the baseline have no ratio of their own; but the
intervals of their ratios to it hold simultaneously, so where these do not overlap a difference is shown, too.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum

from bench.load_models import ClosedLoad
from bench.report import names, units
from bench.report.costs import NS_PER_US, size_of
from bench.report.document import Statement
from bench.report.grouping import PLAIN, Grouping, LoadGroup, Variant, WorkloadGroup, variant_of
from bench.report.text import agrees, listed
from bench.results import Cell, Estimate, RatioEstimate, Undecided, Verdict
from bench.spec import CellKey
from bench.stats.estimates import CONFIDENCE, LATENCY, exponential
from bench.stats.generator import is_bound
from bench.stats.ratios import paired
from bench.stats.verdicts import MARGIN
from bench.stats.wording import counted, percent, some_of

FEWER_BELOW = 0.5
"""A rate ratio below this reads better turned round: `13× fewer requests/s`."""
EQUIVALENT = f"within {percent(MARGIN)}"
NOT_RESTARTED = "the servers were not restarted"


class Outcome(Enum):
    """What a ratio shows, in the order in which sentences mention it."""

    SLOWER = "is slower than {baseline}"
    FASTER = "is faster than {baseline}"
    SAME = f"is equivalent to {{baseline}} ({EQUIVALENT})"
    TOO_NOISY = "shows no significant difference from {baseline} (too noisy)"
    TOO_FEW = "shows no significant difference from {baseline} (too few instances; a longer run would probably decide)"
    INCONCLUSIVE = "shows no significant difference from {baseline}"
    NO_VERDICT = f"has no verdict against {{baseline}}, because {NOT_RESTARTED}"

    def said(self, baseline: str) -> str:
        """As a predicate."""
        return self.value.format(baseline=baseline)


_OUTCOMES: dict[Verdict, Outcome] = {"slower": Outcome.SLOWER, "faster": Outcome.FASTER, "same": Outcome.SAME}


_UNDECIDED: dict[Undecided, Outcome] = {
    "too_noisy": Outcome.TOO_NOISY,
    "too_few": Outcome.TOO_FEW,
    "not_restarted": Outcome.NO_VERDICT,
}


def outcome_of(ratio: RatioEstimate) -> Outcome:
    """The verdict; NO_VERDICT where the interval excludes 1 and the run gives no verdict all the same."""
    if ratio.verdict != "inconclusive":
        return _OUTCOMES[ratio.verdict]
    if ratio.low is not None and ratio.high is not None and (ratio.low > 1 or ratio.high < 1):
        return Outcome.NO_VERDICT
    return Outcome.INCONCLUSIVE if ratio.undecided is None else _UNDECIDED[ratio.undecided]


def of_workload(group: WorkloadGroup, grouping: Grouping) -> list[Statement]:
    """Everything worth saying about one workload, in a reader's order."""
    found = [Statement(_topic(load), comparison_sentences(group, load, grouping)) for load in _measured_loads(group)]
    switches = [variant for variant in group.variants if len(variant.words) == 1]
    for variant in sorted(switches, key=_declared_order):
        found += _of_switch(group, variant)
    found += _bytes(group)
    found += _cpu(group)
    found += _missing(group, grouping)
    return [statement for statement in found if statement.sentences]


def _declared_order(variant: Variant) -> int:
    """gzip before TLS, whatever the order of the run."""
    headings = names.variant_headings()
    return headings.index(variant.words[0]) if variant.words[0] in headings else len(headings)


def in_short(group: WorkloadGroup, grouping: Grouping) -> Statement | None:
    """The main result: the fastest series, by how much, and the fewest bytes. None where nothing was measured."""
    load = group.latency or next(iter(_measured_loads(group)), None)
    sentences: list[str] = []
    if load is not None:
        sentences = [winner(group, load, grouping), *distances(group, load, grouping)]
    sentences += [sentence for statement in _bytes(group) for sentence in statement.sentences]
    kept = tuple(sentence for sentence in sentences if sentence)
    return Statement(group.title, kept) if kept else None


def _topic(load: LoadGroup) -> str:
    return "Latency" if load.is_latency else "Throughput"


def _measured_loads(group: WorkloadGroup) -> list[LoadGroup]:
    return [load for load in group.loads if load.load and any(cell.status == "measured" for cell in load.cells)]


def comparison_sentences(group: WorkloadGroup, load: LoadGroup, grouping: Grouping) -> tuple[str, ...]:
    """Which series is the fastest, the values in one variant, and how far the others are from the baseline."""
    variants = _measured_variants(group, load)
    values = _values(group, load, variants[0]) if variants else ""
    said = [winner(group, load, grouping), values, *distances(group, load, grouping)]
    return tuple(sentence for sentence in said if sentence)


def distances(group: WorkloadGroup, load: LoadGroup, grouping: Grouping) -> list[str]:
    """How far each series is from the baseline, a sentence each."""
    said = []
    for series in group.series:
        found = {
            variant: ratio
            for variant in group.variants
            if (cell := load.at(series, variant)) and (ratio := grouping.against_baseline(cell)) is not None
        }
        said += [_distance(series, found, load, grouping.baseline or "")] if found else []
    return said


def _distance(series: CellKey, found: Mapping[Variant, RatioEstimate], load: LoadGroup, baseline: str) -> str:
    """One series against the baseline, its variants gathered by outcome."""
    by_outcome: dict[Outcome, list[Variant]] = {}
    for variant, ratio in found.items():
        by_outcome.setdefault(outcome_of(ratio), []).append(variant)
    ratios = _latency_ratios if load.is_latency else _rate_ratios
    parts = [
        f"{outcome.said(baseline)}: {ratios(found, by_outcome[outcome])}"
        for outcome in Outcome
        if outcome in by_outcome
    ]
    return f"{names.series(series)} {'; it '.join(parts)}."


def _latency_ratios(found: Mapping[Variant, RatioEstimate], variants: Sequence[Variant]) -> str:
    """`latency 2.11× (1.68–2.66) with TLS to 2.49× (2.20–2.82) with gzip`."""
    return f"latency {_joined(found, variants, _factor)}"


def _rate_ratios(found: Mapping[Variant, RatioEstimate], variants: Sequence[Variant]) -> str:
    """`1.50× the requests/s (1.40–1.60)`, `13.2× fewer requests/s (9.5–18.5)`: all of them in the same way."""
    values = [found[variant].value for variant in variants]
    fewer = 0 < min(values) < FEWER_BELOW and max(values) < 1

    def rate(ratio: RatioEstimate) -> str:
        shown = units.inverse(ratio) if fewer else ratio
        return f"{units.ratio_value(shown)}× {'fewer' if fewer else 'the'} requests/s{units.ratio_interval(shown)}"

    return _joined(found, variants, rate)


def _factor(ratio: RatioEstimate) -> str:
    """`2.11× (1.68–2.66)`."""
    return f"{units.ratio_value(ratio)}×{units.ratio_interval(ratio)}"


def _joined(
    found: Mapping[Variant, RatioEstimate], variants: Sequence[Variant], text: Callable[[RatioEstimate], str]
) -> str:
    """Up to two variants each with its ratio; of more, the least and the greatest."""
    ordered = sorted(variants, key=lambda variant: found[variant].value)
    shown = [ordered[0], ordered[-1]] if len(variants) > 2 else variants
    named = [f"{text(found[variant])}{f' {variant.in_words}' if len(found) > 1 else ''}" for variant in shown]
    return " to ".join(named) if len(variants) > 2 else " and ".join(named)


def fastest(group: WorkloadGroup, load: LoadGroup, grouping: Grouping, variant: Variant) -> CellKey | None:
    """The series that every other one is shown to be slower than, in one variant; None where there is none."""
    bounds: dict[CellKey, tuple[float, float]] = {}
    verdicts: dict[CellKey, Verdict | None] = {}
    for series in group.series:
        cell = load.at(series, variant)
        if cell is None:
            continue
        ratio = grouping.against_baseline(cell)
        if grouping.is_baseline(series):
            low, high, verdict = 1.0, 1.0, None
        elif ratio is None or ratio.low is None or ratio.high is None:
            return None
        else:
            low, high, verdict = ratio.low, ratio.high, ratio.verdict
        # Turned so that less is better, whichever measure it is.
        bounds[series] = (low, high) if load.measure.lower_is_better else (-high, -low)
        verdicts[series] = verdict
    if len(bounds) < 2 or None not in verdicts.values():
        return None
    first = min(bounds, key=lambda series: bounds[series][1])
    others = [series for series in bounds if series != first]
    if verdicts[first] is None:
        return first if all(verdicts[series] == "slower" for series in others) else None
    behind = all(bounds[series][0] > bounds[first][1] for series in others)
    return first if verdicts[first] == "faster" and behind else None


def winner(group: WorkloadGroup, load: LoadGroup, grouping: Grouping) -> str:
    """Which series is the fastest in which variants; empty where there is one series only, or versions are compared."""
    variants = _measured_variants(group, load)
    if len(group.series) < 2 or grouping.compares_versions or not variants:
        return ""
    won: dict[CellKey | None, list[Variant]] = {}
    for variant in variants:
        won.setdefault(fastest(group, load, grouping, variant), []).append(variant)
    parts: list[str] = []
    for series in sorted(won, key=lambda each: each is None):
        if series is None:
            parts.append(_no_winner(won[None], variants, first=not parts))
        else:
            whole = all(load.at(other, variant) for other in group.series for variant in won[series])
            among = "" if whole else " of those measured"
            best = "is fastest" if load.is_latency else "has the highest throughput"
            parts.append(f"{names.series(series)} {best}{among}{_where(won[series], variants)}")
    return f"{'; '.join(parts)}."


def _no_winner(some: Sequence[Variant], variants: Sequence[Variant], *, first: bool) -> str:
    clear = "No clear winner" if first else "no clear winner"
    if len(variants) == 1:
        return clear
    if len(some) == len(variants):
        return f"{clear} in any {_combination()}"
    return f"{clear} {listed([each.in_words for each in some])}"


def _where(some: Sequence[Variant], variants: Sequence[Variant]) -> str:
    if len(variants) == 1:
        return ""
    if len(some) == len(variants):
        return f" in all {len(variants)} {_combination()}s"
    return f" {listed([each.in_words for each in some])}"


def _combination() -> str:
    """`gzip/TLS combination`."""
    return f"{'/'.join(names.variant_headings())} combination"


def _measured_variants(group: WorkloadGroup, load: LoadGroup) -> list[Variant]:
    return [variant for variant in group.variants if any(load.at(each, variant) for each in group.series)]


def _in_flight(cell: Cell) -> str:
    """How many requests were in flight where fewer were than the load says."""
    found = cell.in_flight
    return f" with {found.reached:,} in flight" if found and found.limited and isinstance(cell.load, ClosedLoad) else ""


def _values(group: WorkloadGroup, load: LoadGroup, variant: Variant) -> str:
    """The values of all series in one variant."""
    cells = [cell for series in group.series if (cell := load.at(series, variant)) is not None]
    found = [(cell, value) for cell in cells if (value := _value(cell, load)) is not None]
    if not found:
        return ""
    unit = units.PER_SECOND
    if load.is_latency:
        unit = units.chosen(units.DURATIONS_NS, [value.value for _, value in found])
    named = [
        f"{names.series(cell.series)} "
        + units.bound(units.with_symbol(value, unit), is_bound=not load.is_latency and is_bound(cell))
        + _in_flight(cell)
        for cell, value in found
    ]
    what = "Median latency" if load.is_latency else "Throughput"
    return f"{what} {names.with_load(load.load)}, {variant.in_words}: {', '.join(named)}."


def _value(cell: Cell, load: LoadGroup) -> Estimate | None:
    if load.is_latency:
        return cell.latency_ns.p50 if cell.latency_ns else None
    return cell.requests_per_second


def _of_switch(group: WorkloadGroup, on: Variant) -> Iterator[Statement]:
    """What gzip or TLS, alone, changes for each series."""
    (switch,) = on.words
    load = group.latency
    if load is None:
        return
    sentences = []
    for series in group.series:
        without, with_it = load.at(series, PLAIN), load.at(series, on)
        if without is not None and with_it is not None:
            effects = [
                effect for effect in (_on_latency(without, with_it, switch), _on_size(without, with_it)) if effect
            ]
            sentences += [f"{names.series(series)}: {'; '.join(effects)}."] if effects else []
    if sentences:
        yield Statement(f"Effect of {switch}", tuple(sentences))


def _on_latency(without: Cell, with_it: Cell, switch: str) -> str:
    """One series with gzip or TLS and without: the verdict where the run has one, else the paired ratio alone."""
    before, after = (cell.latency_ns.p50 if cell.latency_ns else None for cell in (without, with_it))
    if before is None or after is None:
        return ""
    unit = units.chosen(units.DURATIONS_NS, [before.value, after.value])
    medians = f"median {units.number(before.value, unit)} → {units.number(after.value, unit)} {unit.symbol}"
    ratio = with_it.ratio.latency_ns_p50 if with_it.ratio and with_it.ratio.baseline == without.id else None
    if ratio is None:
        found = _paired_ratio(without, with_it)
        return f"latency {found}with {switch}, {medians}"
    match outcome_of(ratio):
        case Outcome.SLOWER:
            return f"{switch} makes it {units.ratio_value(ratio)}× slower{units.ratio_interval(ratio)}, {medians}"
        case Outcome.FASTER:
            return f"{switch} makes it faster: latency {_factor(ratio)}, {medians}"
        case Outcome.SAME:
            return f"equivalent with {switch} ({EQUIVALENT}): latency {_factor(ratio)}, {medians}"
        case Outcome.NO_VERDICT:
            return f"no verdict with {switch}, because {NOT_RESTARTED}: latency {_factor(ratio)}, {medians}"
        case Outcome.TOO_NOISY | Outcome.TOO_FEW | Outcome.INCONCLUSIVE:
            reason = f" ({names.undecided(ratio)})" if ratio.undecided else ""
            return f"no significant difference with {switch}{reason}: latency {_factor(ratio)}, {medians}"


def _paired_ratio(without: Cell, with_it: Cell) -> str:
    """`1.16× (95 % interval 1.05–1.27) `, from slices of the same rounds; empty where no interval is known.

    It is one of many that nobody corrects for, so it carries no verdict.
    """
    found = paired(with_it.slices, without.slices, LATENCY)
    value = exponential((found.value, found.value)) if found is not None else None
    interval = exponential(found.interval(CONFIDENCE)) if found is not None else None
    if value is None or interval is None:
        return ""
    low, high = interval
    ratio = RatioEstimate(value=value[0], low=low, high=high, low_95=low, high_95=high, verdict="inconclusive")
    return f"{units.ratio_value(ratio)}× (95 % interval {units.ratio_interval(ratio).strip(' ()')}) "


def _on_size(without: Cell, with_it: Cell) -> str:
    before, after = (size_of(cell, "response", "wire_bytes") for cell in (without, with_it))
    if before is None or after is None:
        return ""
    if before == after:
        return "response size unchanged"
    unit = units.byte_unit([before, after])
    sizes = f"from {units.size(round(before), unit)} to {units.size(round(after), unit)} {unit.symbol}"
    return f"response {'shrinks' if after < before else 'grows'} {sizes} ({units.change(before, after)})"


def _bytes(group: WorkloadGroup) -> Iterator[Statement]:
    """Wire bytes of a request and its response, in the first variant."""
    for variant in group.variants[:1]:
        totals = {
            cell.series: request + response
            for cell in group.one_per_combination()
            if variant_of(cell) == variant
            and (request := size_of(cell, "request", "wire_bytes")) is not None
            and (response := size_of(cell, "response", "wire_bytes")) is not None
        }
        if not totals:
            continue
        unit = units.byte_unit(totals.values())
        ordered = sorted(totals, key=totals.__getitem__)
        sizes = {names.series(each): f"{units.size(round(totals[each]), unit)} {unit.symbol}" for each in ordered}
        listed_sizes = [f"{name} {size}" for name, size in sizes.items()]
        where = f"on the wire, {variant.in_words}"
        if len(ordered) > 1 and totals[ordered[0]] < totals[ordered[1]]:
            least, size = next(iter(sizes.items()))
            others = ", ".join(listed_sizes[1:])
            text = f"{least} moves the fewest bytes: {size} per request + response ({others}; {where})."
        else:
            text = f"Bytes per request + response: {', '.join(listed_sizes)} ({where})."
        yield Statement("Bytes", (text,))


def _cpu(group: WorkloadGroup) -> Iterator[Statement]:
    """CPU time per request of both sides, in the first variant."""
    load = group.latency
    if load is None or not group.variants:
        return
    variant = group.variants[0]
    cells = [cell for series in group.series if (cell := load.at(series, variant)) is not None]
    spent = {cell.series: cell.cpu_us_per_request for cell in cells if cell.cpu_us_per_request is not None}
    sides = []
    for name, side in (("server", "producer"), ("client", "consumer")):
        found: dict[CellKey, Estimate] = {
            series: estimate for series, each in spent.items() if (estimate := getattr(each, side)) is not None
        }
        unit = units.chosen(units.DURATIONS_NS, [each.value * NS_PER_US for each in found.values()])
        values = [
            f"{names.series(series)} {units.number(each.value * NS_PER_US, unit)}" for series, each in found.items()
        ]
        sides += [f"{name} {', '.join(values)} {unit.symbol}"] if values else []
    if sides:
        yield Statement("CPU", (f"Per request {names.with_load(load.load)}, {variant.in_words}: {'; '.join(sides)}.",))


def _missing(group: WorkloadGroup, grouping: Grouping) -> Iterator[Statement]:
    """What readers might look for and will not find."""
    said = []
    compared = [(cell, found) for cell in group.cells if (found := grouping.against_baseline(cell)) is not None]
    said += [_inconclusive(compared, grouping.baseline)] if grouping.baseline is not None else []
    missing = [f"{cell.id} ({names.status(cell)})" for cell in group.cells if cell.status != "measured"]
    if missing:
        said.append(
            f"{counted(len(missing), 'configuration')} {agrees(len(missing), 'has', 'have')} no results: "
            f"{some_of(missing)}."
        )
    measured = [cell for cell in group.cells if cell.status == "measured"]
    if measured and all(size_of(cell, "response", "wire_bytes") is None for cell in group.one_per_combination()):
        said.append("Bytes were not measured.")
    if any(said):
        yield Statement("Limits", tuple(sentence for sentence in said if sentence))


def _inconclusive(compared: Sequence[tuple[Cell, RatioEstimate]], baseline: str) -> str:
    """Which comparisons are inconclusive, for which reasons, and what they could have shown."""
    found = [(cell, ratio) for cell, ratio in compared if ratio.verdict == "inconclusive"]
    if not found:
        return ""
    by_reason: dict[str, list[str]] = {}
    for cell, ratio in found:
        by_reason.setdefault(names.undecided(ratio), []).append(cell.id)
    reasons = [f"{f'{reason}: ' if reason else ''}{some_of(ids)}" for reason, ids in by_reason.items()]
    changes = [ratio.detectable_change for _, ratio in found if ratio.detectable_change is not None]
    reach = f" A slowdown of {percent(max(changes))} would have been detected there." if changes else ""
    return (
        f"{len(found)} of {counted(len(compared), 'comparison')} with {baseline} {agrees(len(found), 'is', 'are')} "
        f"inconclusive ({'; '.join(reasons)}).{reach}"
    )
