"""Advice for given conditions, as a document: what to choose, where the time goes, where the choice changes. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum

from bench.model.break_even import BreakEven
from bench.model.choices import Choice, Choices, Conditions, twin
from bench.model.parts import Parts
from bench.model.predict import Prediction
from bench.network.profile import Profile
from bench.report import names, units
from bench.report.break_evens import bandwidth, bandwidth_range, gzip_helps, is_faster, value_range
from bench.report.document import (
    Bullets,
    Column,
    Document,
    Entry,
    Finding,
    Section,
    Sentences,
    Statement,
    Table,
    TableBuilder,
)
from bench.report.text import listed
from bench.results import Estimate, Run, Verdict
from bench.spec import NEW, CellKey
from bench.stats.verdicts import MARGIN
from bench.stats.wording import counted, percent, some_of

DOMINATES = 0.5
"""A part that takes more than this share of a latency is named as its main cause."""
RTT_DOMINATES = 0.85
"""The same for a single round trip, which nothing but distance or fewer requests can change."""
NETWORK_IS_SMALL = 0.15
"""A network that takes less than this share is not worth improving."""
SHOWN_FROM = 0.02
"""Time that no part accounts for is shown from this share on."""
REAL_LINKS = (
    "Not modelled: packet loss, and TCP slow start, which adds round trips to responses over about 14 kB on a new "
    "connection (RFC 6928). TCP and IP headers add 3 to 4 % to long responses."
)
OF_TAILS = ("few_samples_in_tail",)
"""Warnings that do not concern medians, which is all that the model uses."""
AGES_S = (("day", 86_400), ("hour", 3_600), ("minute", 60))


class Part(Enum):
    """What a latency consists of, and what readers call it."""

    ROUND_TRIPS = "RTT"
    TRANSFER = "transfer"
    SERVER = "server"
    CLIENT = "client"
    SETUP = "connection setup"


def document_of(
    choices: Choices, conditions: Conditions, run: Run, unlike: Sequence[str], origin_line: str
) -> Document:
    """The advice, with what limits it. `unlike`: how this machine differs from the one that was measured."""
    limits = tuple(findings(run, choices.parts, unlike, new=conditions.connection == NEW))
    return Document(
        subtitle="advice",
        sections=(
            Section("advice", "", (Sentences(tuple(statements(choices, conditions))), table(choices, conditions))),
            Section(
                "limits", "", (Bullets((*(f"{each.grade}: {each.text}" for each in limits), REAL_LINKS, origin_line)),)
            ),
        ),
    )


def statements(choices: Choices, conditions: Conditions) -> Iterator[Statement]:
    """What to choose under these conditions, and why."""
    ranked = choices.ranked(conditions)
    found = [
        Statement("Conditions", (_conditions(choices, conditions),)),
        Statement("Recommendation", tuple(_recommendation(ranked))),
        Statement("Where the time goes", tuple(_shares(ranked[0].prediction))),
        Statement("gzip", tuple(_gzip(choices, conditions, ranked))),
        Statement("Break-even", tuple(_break_evens(choices, conditions, ranked))),
    ]
    yield from (statement for statement in found if statement.sentences)


def _conditions(choices: Choices, conditions: Conditions) -> str:
    link = conditions.link
    size = conditions.at.payload_bytes
    unit = units.chosen(units.SIZES_BYTES, [size])
    rates = [
        f"{bandwidth(Estimate(value=bits))} {direction}" if bits is not None else f"unlimited {direction}"
        for bits, direction in ((link.down_bits_per_second, "downlink"), (link.up_bits_per_second, "uplink"))
    ]
    if link.down_bits_per_second == link.up_bits_per_second:
        rates = [rates[0].replace("downlink", "bandwidth")]
    named = [
        f"{units.number(size, unit)} {unit.symbol} response (as {names.series(choices.parts.baseline)})",
        f"RTT {_time(link.rtt_ns)}",
        *rates,
        "TLS" if conditions.tls else "no TLS",
        "new connection per request" if conditions.connection == NEW else "keep-alive connection",
    ]
    return f"{', '.join(named)}."


def _recommendation(ranked: Sequence[Choice]) -> Iterator[str]:
    best, others = ranked[0], ranked[1:]
    yield f"{names.option(best.option)}, with a predicted latency of {_latency(best.prediction.latency_ns)}."
    by_verdict: dict[Verdict, list[Choice]] = {}
    for each in others:
        by_verdict.setdefault(each.ratio.verdict if each.ratio is not None else "inconclusive", []).append(each)
    if same := by_verdict.get("same"):
        if len(same) == len(others) > 1:
            yield f"All others are equivalent (within {percent(MARGIN)})."
        else:
            verb = "is" if len(same) == 1 else "are"
            yield f"{_named(same)} {verb} equivalent (within {percent(MARGIN)})."
    if inconclusive := by_verdict.get("inconclusive"):
        yield f"No significant difference from {_named(inconclusive)}."
    if slower := by_verdict.get("slower"):
        by = [f"{names.option(each.option)} {_by_how_much(each.ratio.value)}" for each in slower if each.ratio]
        yield f"{'All others are slower' if len(slower) == len(others) else 'Slower'}: {listed(by)}."


def _named(choices: Sequence[Choice]) -> str:
    return listed([names.option(each.option) for each in choices])


def _by_how_much(ratio: float) -> str:
    return f"by {percent(ratio - 1)}" if ratio < 2 else f"{units.significant(ratio)}×"


def parts_of_latency(found: Prediction) -> dict[Part, float]:
    """Nanoseconds of each part of a predicted latency. Together they are not more than that.

    Where both sides work at the same time, their CPU times are more than what is left of the latency. They share that
    then as they share the work.
    """
    network_ns, set_up_ns = found.round_trips_ns + found.up_ns + found.down_ns, found.set_up_ns or 0.0
    worked_ns = found.producer_ns + found.consumer_ns
    left_ns = max(0.0, found.latency_ns.value - network_ns - set_up_ns)
    scale = min(1.0, left_ns / worked_ns) if worked_ns else 0.0
    return {
        Part.ROUND_TRIPS: found.round_trips_ns,
        Part.TRANSFER: found.up_ns + found.down_ns,
        Part.SERVER: found.producer_ns * scale,
        Part.CLIENT: found.consumer_ns * scale,
        Part.SETUP: set_up_ns,
    }


def _shares(found: Prediction) -> Iterator[str]:
    total = found.latency_ns.value
    parts = parts_of_latency(found)
    named = [f"{part.value} {percent(spent / total)}" for part, spent in parts.items() if spent > 0]
    rest = total - sum(parts.values())
    named += [f"waiting within the machine {percent(rest / total)}"] if rest > SHOWN_FROM * total else []
    yield f"{', '.join(named)}."
    largest = max(parts, key=parts.__getitem__)
    if remedy := _remedy(largest, parts[largest] / total, found):
        yield remedy


def _remedy(largest: Part, share: float, found: Prediction) -> str:
    """What would make it faster; empty where no part dominates."""
    alone = largest is Part.ROUND_TRIPS and found.round_trips == 1
    if share <= (RTT_DOMINATES if alone else DOMINATES):
        return ""
    match largest:
        case Part.ROUND_TRIPS if alone:
            return "RTT dominates: batch requests or move the server closer."
        case Part.ROUND_TRIPS:
            return f"{found.round_trips} round trips dominate: keep connections open to save all but one."
        case Part.TRANSFER:
            way = "response" if found.down_ns > found.up_ns else "request"
            return f"Transfer dominates: send fewer bytes, mainly in the {way}."
        case Part.SERVER | Part.CLIENT | Part.SETUP:
            small = found.network_ns < NETWORK_IS_SMALL * found.latency_ns.value
            return f"The {largest.value} dominates{': a faster network would hardly help' if small else ''}."


def _gzip(choices: Choices, conditions: Conditions, ranked: Sequence[Choice]) -> Iterator[str]:
    predicted = {each.option: each.prediction.latency_ns.value for each in ranked}
    for option, predicted_ns in predicted.items():
        plain = twin(choices.parts, option)
        if not option.gzip or plain is None:
            continue
        saved_ns = predicted[plain] - predicted_ns
        found = choices.rate_break_even(option, plain, conditions, _up_share(conditions.link))
        ratio = choices.ratio(option, plain, conditions)
        if found is None or ratio is None:
            continue
        here = {
            "faster": f"Here it saves {_time(saved_ns)} ({percent(1 - ratio.value)}).",
            "slower": f"Here it costs {_time(-saved_ns)} ({percent(ratio.value - 1)}).",
            "same": f"Here it changes less than {percent(MARGIN)}.",
        }.get(ratio.verdict, "Here no significant difference.")
        yield f"{gzip_helps(names.series(option.series), bandwidth_range(found))} {here}"


def _break_evens(choices: Choices, conditions: Conditions, ranked: Sequence[Choice]) -> Iterator[str]:
    """Where another protocol, with or without gzip as is best for it here, would be the fastest."""
    best = ranked[0].option
    seen = {best.series}
    for each in ranked[1:]:
        if each.option.series in seen:
            continue
        seen.add(each.option.series)
        found = choices.rate_break_even(each.option, best, conditions, _up_share(conditions.link))
        if found is None:
            continue
        range_ = bandwidth_range(found)
        sentences = [is_faster(_with_gzip(each.option), _with_gzip(best), range_)]
        if (trips := choices.round_trip_break_even(each.option, best, conditions)) is not None:
            sentences.append(f"At this bandwidth: {_by_value(trips, 'RTT', units.DURATIONS_NS)}.")
        payloads = choices.payload_break_even(each.option, best, conditions)
        if payloads is not None and (range_.kind, payloads.kind) != ("never", "never"):
            sentences.append(f"Over this link: {_by_value(payloads, 'responses', units.SIZES_BYTES)}.")
        yield " ".join(sentences)


def _with_gzip(option: CellKey) -> str:
    """`gRPC with gzip`, `gRPC without gzip`: the other choice exists, too."""
    return names.option(option) if option.gzip else f"{names.option(option)} without gzip"


def _by_value(found: BreakEven, of: str, ladder: Sequence[units.Unit]) -> str:
    """`with responses below 12 kB`, `with responses of any measured size`."""
    every = "at any RTT" if ladder is units.DURATIONS_NS else "at any measured size"
    match found.kind:
        case "always":
            return every
        case "never":
            return f"never, {every}"
        case "inconclusive":
            return "inconclusive"
        case _:
            return f"with {of} {value_range(found, ladder).short()}"


def table(choices: Choices, conditions: Conditions) -> Table:
    """Every option with its predicted latency and the parts of it, the fastest first."""
    unit = units.DURATIONS_NS[2]
    built = TableBuilder(
        f"Predicted latency and its parts, {unit.symbol}",
        [
            Column("", numeric=False),
            *(Column(title) for title in ("total", "RTT", "transfer", "server", "client")),
            Column("bytes"),
            Column("× fastest"),
        ],
    )
    for each in choices.ranked(conditions):
        found = each.prediction
        times = (found.latency_ns.value, found.round_trips_ns, found.up_ns + found.down_ns, found.producer_ns)
        built.add(
            (names.option(each.option),),
            [
                *(units.number(spent, unit) for spent in (*times, found.consumer_ns)),
                f"{found.request_bytes + found.response_bytes:,.0f}",
                Entry("1") if each.ratio is None else Entry(f"{each.ratio.value:.2f}", each.ratio.verdict),
            ],
        )
    built.notes.append(
        "server, client: CPU time of a request over a keep-alive connection; both may work at the same time. bytes: of "
        "request and response on the wire. Verdicts allow for the intervals of the "
        "measurements and for the error of the model (docs/model.md)."
    )
    return built.table()


def origin(path: str, run: Run, now: datetime, unlike: Sequence[str]) -> str:
    """From which file the measurements are, how old they are, and of which machine."""
    where = "on this machine" if not unlike else f"on {run.environment.get('host', 'an unknown machine')}"
    instances = counted(run.plan.instances_done, "instance")
    return f"Based on {path}, measured {_age(run.started_at, now)} {where}, {instances}."


def findings(run: Run, parts: Parts, unlike: Sequence[str], *, new: bool) -> Iterator[Finding]:
    """What limits the prediction. `new`: connections are new."""
    if unlike:
        yield Finding(
            "warning",
            f"Measured on another machine or with other versions ({some_of(unlike)}), so the prediction may not hold "
            "here. Run without --run to measure here.",
        )
    if not parts.restarted:
        yield Finding(
            "warning",
            "The servers were started only once, so there are no verdicts: how much a restart changes the latencies is "
            "unknown.",
        )
    if new and any(set_up.latency_ns is None for set_up in parts.set_ups.values()):
        yield Finding(
            "warning",
            "The CPU time of connection setup was not measured and counts as 0; its round trips and bytes are "
            "included. Measure with --connection persistent,new.",
        )
    codes = list(dict.fromkeys(warning.code for warning in run.warnings if warning.code not in OF_TAILS))
    if codes:
        yield Finding("note", f"The measurements have warnings of their own: {some_of(codes)}.")


def _age(started_at: str, now: datetime) -> str:
    try:
        passed_s = (now - datetime.fromisoformat(started_at)).total_seconds()
    except (ValueError, TypeError):
        return "at an unknown time"
    for name, size_s in AGES_S:
        if passed_s >= size_s:
            return f"{counted(int(passed_s // size_s), name)} ago"
    return "just now"


def _up_share(link: Profile) -> float:
    if link.up_bits_per_second is None or link.down_bits_per_second is None:
        return 1.0
    return link.up_bits_per_second / link.down_bits_per_second


def _latency(found: Estimate) -> str:
    """With its interval, unless that is narrower than the digits shown."""
    unit = units.chosen(units.DURATIONS_NS, [found.value])
    ends = {units.number(end, unit) for end in (found.low, found.high)}
    return f"{units.number(found.value, unit)} {unit.symbol}" if len(ends) == 1 else units.with_symbol(found, unit)


def _time(time_ns: float) -> str:
    unit = units.chosen(units.DURATIONS_NS, [time_ns])
    return f"{units.number(time_ns, unit)} {unit.symbol}"
