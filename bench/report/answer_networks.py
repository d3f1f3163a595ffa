"""What a network changes, in a sentence each: measured over it, or predicted from loopback. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.model.choices import Choices, Conditions, gzip_break_evens
from bench.model.parts import NoParts, parts_of
from bench.model.predict import exactly
from bench.network.profile import MEGABIT, MILLISECOND, PROFILES, Profile
from bench.report import names
from bench.report.answer_sentences import first_network, of_network
from bench.report.break_evens import bandwidth_range
from bench.report.grouping import Grouping, WorkloadGroup
from bench.report.text import listed
from bench.results import Run
from bench.stats.wording import percent

PREDICTED = "4g"
"""The network that differences are predicted for, of those in bench.network.profile."""


@dataclass(frozen=True, slots=True)
class OverNetwork:
    """A sentence about a network."""

    text: str
    predicted: bool
    """From measurements over loopback; else it was measured over that network."""


def of_networks(run: Run, groups: Sequence[WorkloadGroup], grouping: Grouping) -> Iterator[OverNetwork]:
    """The results over other networks than the first, and what is predicted."""
    first = first_network(groups)
    for network in dict.fromkeys(group.network for group in groups if group.network != first):
        if not grouping.compares_versions:
            over = [group for group in groups if group.network == network]
            yield OverNetwork(of_network(over, grouping, network), predicted=False)
    try:
        choices = Choices(parts_of(run))
    except NoParts:
        return
    yield from (OverNetwork(text, predicted=True) for text in (_gzip(choices), _differences(choices)) if text)


def _gzip(choices: Choices) -> str:
    """Below which bandwidths gzip helps the baseline; with TLS where that was measured."""
    baseline, tls = choices.parts.baseline, choices.parts.has_tls
    found = [each for each in gzip_break_evens(choices) if (each.option.series, each.option.tls) == (baseline, tls)]
    ranges = {each.workload.label: bandwidth_range(each.found) for each in found}
    known = {name: each for name, each in ranges.items() if each.kind != "inconclusive"}
    if not known:
        return f"Whether gzip helps {names.series(baseline)} is inconclusive." if ranges else ""
    unknown = [name for name in ranges if name not in known]
    said, kind = [], ""
    for name, each in known.items():
        # `below 42 Mbit/s (get) and 147 Mbit/s (list20)`
        said.append(f"{each.brief.removeprefix(f'{kind} ') if kind == 'below' else each.brief} ({name})")
        kind = each.kind
    return f"gzip helps {names.series(baseline)} {listed(said)}{_inconclusive(unknown)}."


def _inconclusive(workloads: Sequence[str]) -> str:
    return f"; inconclusive for {listed(workloads)}" if workloads else ""


def _differences(choices: Choices) -> str:
    """How far the protocols are apart over one network, each with or without gzip as is better for it there."""
    tls, link = choices.parts.has_tls, PROFILES[PREDICTED]
    said = []
    for workload in choices.parts.payload_bytes:
        at = Conditions(at=exactly(choices.parts, workload), link=link, tls=tls)
        best: dict[str, float] = {}
        for option, latency_ns in choices.latencies(at).items():
            name = names.series(option.series)
            best[name] = min(latency_ns, best.get(name, latency_ns))
        if len(best) < 2:
            return ""
        said.append(f"{percent(max(best.values()) / min(best.values()) - 1)} ({workload.label})")
    return f"Over {PREDICTED} ({_link(link)}) protocols differ by {listed(said)}."


def _link(link: Profile) -> str:
    """`50 ms, 30 Mbit/s`."""
    rates = [] if link.down_bits_per_second is None else [f"{link.down_bits_per_second / MEGABIT:g} Mbit/s"]
    return ", ".join([f"{link.rtt_ns / MILLISECOND:g} ms", *rates])
