"""Sentences that compare: protocols with each other, and one protocol with and without gzip or TLS.

`faster` and `slower` are said where the run file's verdict says so, and nowhere else. A protocol is called the fastest
when every other one is shown to be behind it. Two protocols that are not the baseline have no ratio of their own; but
the intervals of their ratios to it hold all at once, so where these do not overlap a difference is shown, too.
"""

from bench.contenders import Contender, contender_of
from bench.report import names, units
from bench.report.grouping import Arrangement, LoadGroup, Variant, WorkloadGroup
from bench.results import Cell, Estimate, RatioEstimate, Verdict

EVERYWHERE = " at every setting of gzip and TLS"
ANYWHERE = " at any setting of gzip and TLS"
SAID: dict[str, str] = {
    "slower": "is slower than {baseline}",
    "faster": "is faster than {baseline}",
    "same": "is the same as {baseline} to within 3 %",
    "inconclusive": "is not shown to differ from {baseline}",
    "unjudged": "gets no verdict against {baseline}, as nothing is known about restarts",
}
"""What is said of a ratio, by verdict, in this order."""


def protocols(group: WorkloadGroup, load: LoadGroup, arrangement: Arrangement) -> tuple[str, ...]:
    """Which protocol is ahead, by how much, and where that is not known; with the figures behind it."""
    variants = _measured_variants(group, load)
    figures = _figures(group, load, variants[0]) if variants else ""
    said = [lead(group, load, arrangement), figures, *distances(group, load, arrangement)]
    return tuple(sentence for sentence in said if sentence)


def distances(
    group: WorkloadGroup, load: LoadGroup, arrangement: Arrangement, *, everywhere: str = EVERYWHERE
) -> list[str]:
    """How far each protocol is from the baseline, in a sentence each; `everywhere` says that all settings agree."""
    said = []
    for contender in group.contenders:
        found = {
            variant: ratio
            for variant in group.variants
            if (cell := load.at(contender, variant)) and (ratio := arrangement.against_baseline(cell)) is not None
        }
        said += [_over_variants(contender, found, load, arrangement, everywhere)] if found else []
    return said


def fastest(group: WorkloadGroup, load: LoadGroup, arrangement: Arrangement, variant: Variant) -> Contender | None:
    """Who every other one is shown to be slower than, in one variant; None where nobody is."""
    bounds: dict[Contender, tuple[float, float]] = {}
    verdicts: dict[Contender, Verdict | None] = {}
    for contender in group.contenders:
        cell = load.at(contender, variant)
        if cell is None:
            continue
        ratio = arrangement.against_baseline(cell)
        if arrangement.is_baseline(contender):
            low, high, verdict = 1.0, 1.0, None
        elif ratio is None or ratio.low is None or ratio.high is None:
            return None
        else:
            low, high, verdict = ratio.low, ratio.high, ratio.verdict
        # Whichever way the measure runs, less is made to be better.
        bounds[contender] = (low, high) if load.measure.lower_is_better else (-high, -low)
        verdicts[contender] = verdict
    if len(bounds) < 2 or None not in verdicts.values():
        return None
    first = min(bounds, key=lambda contender: bounds[contender][1])
    others = [contender for contender in bounds if contender != first]
    if verdicts[first] is None:
        return first if all(verdicts[contender] == "slower" for contender in others) else None
    behind = all(bounds[contender][0] > bounds[first][1] for contender in others)
    return first if verdicts[first] == "faster" and behind else None


def lead(group: WorkloadGroup, load: LoadGroup, arrangement: Arrangement) -> str:
    """Who is ahead, over all settings of gzip and TLS; nothing where there is one only."""
    variants = _measured_variants(group, load)
    if len(group.contenders) < 2 or arrangement.compares_versions or not variants:
        return ""
    ahead: dict[Contender | None, list[Variant]] = {}
    for variant in variants:
        ahead.setdefault(fastest(group, load, arrangement, variant), []).append(variant)
    parts = []
    for contender in sorted(ahead, key=lambda each: each is None):
        where = EVERYWHERE if len(ahead) == 1 else " " + names.listed([each.in_words for each in ahead[contender]])
        where = "" if len(variants) == 1 else where
        if contender is None:
            where = where.replace(EVERYWHERE, ANYWHERE)
            parts.append(f"which protocol is {load.superlative} is not shown{where}")
        else:
            whole = all(load.at(other, variant) for other in group.contenders for variant in ahead[contender])
            among = "" if whole else " of those measured"
            parts.append(f"{names.contender(contender)} is {load.superlative}{among}{where}")
    text = "; ".join(parts)
    # A protocol's name keeps the case that it is written in.
    return f"{f'W{text[1:]}' if None in ahead and len(ahead) == 1 else text}."


def _measured_variants(group: WorkloadGroup, load: LoadGroup) -> list[Variant]:
    return [variant for variant in group.variants if any(load.at(each, variant) for each in group.contenders)]


def _figures(group: WorkloadGroup, load: LoadGroup, variant: Variant) -> str:
    """The figures of all contenders in one variant."""
    cells = [cell for contender in group.contenders if (cell := load.at(contender, variant)) is not None]
    found = {contender_of(cell): figure for cell in cells if (figure := _figure(cell, load)) is not None}
    if not found:
        return ""
    unit = units.PER_SECOND
    if load.is_latency:
        unit = units.chosen(units.DURATIONS_NS, [figure.value for figure in found.values()])
    told = [f"{names.contender(contender)} {units.with_symbol(figure, unit)}" for contender, figure in found.items()]
    what = "Median latency" if load.is_latency else "Rate"
    return f"{what} {names.with_load(load.load)}, {variant.in_words}: {', '.join(told)}."


def _figure(cell: Cell, load: LoadGroup) -> Estimate | None:
    if load.is_latency:
        return cell.latency_ns.p50 if cell.latency_ns else None
    return cell.requests_per_second


def _over_variants(
    contender: Contender,
    found: dict[Variant, RatioEstimate],
    load: LoadGroup,
    arrangement: Arrangement,
    everywhere: str,
) -> str:
    """One contender against the baseline, the variants gathered by verdict."""
    by_kind: dict[str, list[Variant]] = {}
    for variant, ratio in found.items():
        by_kind.setdefault(_kind(ratio), []).append(variant)
    measure = "latency" if load.is_latency else "rate"
    parts = []
    for kind in sorted(by_kind, key=_kind_order):
        every = everywhere if len(by_kind) == 1 and len(found) > 1 else ""
        every = every.replace(EVERYWHERE, ANYWHERE) if kind in ("inconclusive", "unjudged") else every
        parts.append(
            f"{SAID[kind].format(baseline=arrangement.baseline)}{every}: {_ratios(found, by_kind[kind], measure)}"
        )
    return f"{names.contender(contender)} {'; it '.join(parts)}."


def _ratios(found: dict[Variant, RatioEstimate], variants: list[Variant], measure: str) -> str:
    """Up to two variants each with its ratio; of more, the least and the greatest."""
    ordered = sorted(variants, key=lambda variant: found[variant].value)
    spans = len(variants) > 2
    told: list[str] = []
    for variant in [ordered[0], ordered[-1]] if spans else variants:
        times = "times" if told else f"times its {measure}"
        where = f" {variant.in_words}" if len(found) > 1 else ""
        told.append(f"{units.ratio_value(found[variant])} {times}{units.ratio_interval(found[variant])}{where}")
    return f"from {told[0]} to {told[1]}" if spans else " and ".join(told)


def _kind(ratio: RatioEstimate) -> str:
    """The verdict; `unjudged` where the interval excludes 1 and there is no verdict all the same."""
    if ratio.verdict == "inconclusive" and ratio.low is not None and ratio.high is not None:
        return "unjudged" if ratio.low > 1 or ratio.high < 1 else "inconclusive"
    return ratio.verdict


def _kind_order(kind: str) -> int:
    return list(SAID).index(kind)


def with_and_without(without: Cell, with_it: Cell, switch: str) -> str:
    """One protocol with gzip or TLS and without: the ratio where the run has one, else both medians side by side."""
    medians = [cell.latency_ns.p50 if cell.latency_ns else None for cell in (without, with_it)]
    if medians[0] is None or medians[1] is None:
        return "no medians to compare"
    unit = units.chosen(units.DURATIONS_NS, [median.value for median in medians if median])
    told = f"median {units.with_symbol(medians[0], unit)} without, {units.with_symbol(medians[1], unit)} with"
    ratio = with_it.ratio.latency_ns_p50 if with_it.ratio and with_it.ratio.baseline == without.id else None
    if ratio is None:
        return f"{told} (side by side, no verdict)"
    said = {
        "slower": f"slower with {switch}",
        "faster": f"faster with {switch}",
        "same": "the same to within 3 %",
        "unjudged": "no verdict, as nothing is known about restarts",
    }.get(_kind(ratio), "no difference shown")
    return f"{told}: {said}, at {units.ratio(ratio)} times"
