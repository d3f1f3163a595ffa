"""Advice in words: what to choose under given conditions, what the time goes to, where the answer flips. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.model.choices import Choice, Choices, Conditions, twin
from bench.model.predict import Prediction
from bench.network.profile import Profile
from bench.report import names, units
from bench.report.break_even_words import at_rates, at_round_trips, for_answers, rate
from bench.report.document import Builder, Column, Entry, Table
from bench.report.summary import Statement
from bench.results import Estimate
from bench.spec import NEW
from bench.stats.verdicts import MARGIN
from bench.stats.wording import percent

DOMINATES = 0.5
"""What takes up more than this share of a latency decides it."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Everything that is said."""

    statements: tuple[Statement, ...]
    table: Table


def advice(choices: Choices, conditions: Conditions) -> Advice:
    """What to choose under these conditions, and why."""
    ranked = choices.ranked(conditions)
    found = [
        Statement("Asked", (asked(choices, conditions),)),
        Statement("Choose", tuple(_choose(ranked))),
        Statement("It goes to", tuple(_goes_to(ranked[0].prediction))),
        Statement("gzip", tuple(_gzip(choices, conditions, ranked))),
        Statement("Flips", tuple(_flips(choices, conditions, ranked))),
    ]
    return Advice(tuple(statement for statement in found if statement.sentences), _table(ranked))


def asked(choices: Choices, conditions: Conditions) -> str:
    """The conditions as they were understood."""
    link = conditions.link
    size = conditions.at.payload_bytes
    unit = units.chosen(units.SIZES_BYTES, [size])
    rates = [
        f"{_rate(bits)} {direction}" if bits is not None else f"{direction} without a limit"
        for bits, direction in ((link.down_bits_per_second, "down"), (link.up_bits_per_second, "up"))
    ]
    connection = "a new connection for each request" if conditions.connection == NEW else "over an open connection"
    baseline = names.contender(choices.parts.baseline)
    said = [
        f"an answer of {units.number(size, unit)} {unit.symbol} as {baseline} would say it",
        f"a round trip of {_time(link.rtt_ns)}",
        *rates,
        "with TLS" if conditions.tls else "without TLS",
        connection,
    ]
    return f"{', '.join(said)}."


def _choose(ranked: Sequence[Choice]) -> Iterator[str]:
    best, others = ranked[0], ranked[1:]
    yield f"{names.arm(best.arm)}: {_latency(best.prediction.latency_ns)} predicted."
    by_verdict: dict[str, list[Choice]] = {}
    for each in others:
        by_verdict.setdefault(each.ratio.verdict if each.ratio is not None else "inconclusive", []).append(each)
    if same := by_verdict.get("same"):
        who = "All others do" if len(same) == len(others) else f"{_named(same)} {'does' if len(same) == 1 else 'do'}"
        yield f"{who} as well, to within {percent(MARGIN)}."
    if inconclusive := by_verdict.get("inconclusive"):
        yield f"No difference was shown to {_named(inconclusive)}."
    if slower := by_verdict.get("slower"):
        told = [f"{names.arm(each.arm)} {_by_how_much(each.ratio.value)}" for each in slower if each.ratio is not None]
        yield f"{'All others are slower' if len(slower) == len(others) else 'Slower'}: {names.listed(told)}."


def _named(choices: Sequence[Choice]) -> str:
    return names.listed([names.arm(each.arm) for each in choices])


def _by_how_much(ratio: float) -> str:
    return f"by {percent(ratio - 1)}" if ratio < 2 else f"{units.significant(ratio)} times as slow"


def _goes_to(found: Prediction) -> Iterator[str]:
    total = found.latency_ns.value
    trips = "the round trip" if found.round_trips == 1 else f"{found.round_trips} round trips"
    shares = {
        trips: found.round_trips_ns,
        "bytes on their way": found.up_ns + found.down_ns,
        "the producer's work": found.producer_ns,
        "the consumer's work": found.consumer_ns,
        "setting up the connection": found.set_up_ns or 0.0,
    }
    told = [f"{name} {_time(spent)} ({percent(spent / total)})" for name, spent in shares.items() if spent > 0]
    rest = total - sum(shares.values())
    told += [f"waiting within the machine {_time(rest)} ({percent(rest / total)})"] if rest > 0.02 * total else []
    yield f"{names.listed(told)}."
    largest = max(shares, key=shares.__getitem__)
    if shares[largest] > DOMINATES * total:
        verb = "decide" if largest.endswith(("trips", "way")) else "decides"
        yield f"So {largest} {verb}: {_remedy(largest, found)}."


def _remedy(largest: str, found: Prediction) -> str:
    if largest == "the round trip":
        return "neither encoding nor protocol changes it; fewer requests do, or a producer that is nearer"
    if largest.endswith("round trips"):
        return "a connection that is kept open saves all but one"
    if largest == "bytes on their way":
        way = "answer" if found.down_ns > found.up_ns else "request"
        return f"fewer bytes help, mostly those of the {way}"
    return "a faster network would hardly help"


def _gzip(choices: Choices, conditions: Conditions, ranked: Sequence[Choice]) -> Iterator[str]:
    up_share = _up_share(conditions.link)
    predicted = {each.arm: each.prediction.latency_ns.value for each in ranked}
    for arm, predicted_ns in predicted.items():
        plain = twin(choices.parts, arm)
        if not arm.gzip or plain is None:
            continue
        saved_ns = predicted[plain] - predicted_ns
        found = choices.rate_break_even(arm, plain, conditions, up_share)
        ratio = choices.ratio(arm, plain, conditions)
        if found is None or ratio is None:
            continue
        verdict = {
            "faster": f"here it saves {_time(saved_ns)} ({percent(1 - ratio.value)})",
            "slower": f"here it costs {_time(-saved_ns)} ({percent(ratio.value - 1)})",
            "same": f"here it makes less than {percent(MARGIN)} of a difference",
        }.get(ratio.verdict, "here no difference was shown")
        yield f"{names.contender(arm.contender)}: pays {at_rates(found)} down; {verdict}."


def _flips(choices: Choices, conditions: Conditions, ranked: Sequence[Choice]) -> Iterator[str]:
    """Where another protocol, each at its best here, would take the lead."""
    best = ranked[0].arm
    seen = {best.contender}
    for each in ranked[1:]:
        if each.arm.contender in seen:
            continue
        seen.add(each.arm.contender)
        found = choices.rate_break_even(each.arm, best, conditions, _up_share(conditions.link))
        if found is None:
            continue
        said = [f"{at_rates(found)} down"]
        if (trips := choices.round_trip_break_even(each.arm, best, conditions)) is not None:
            said.append(f"at these rates {at_round_trips(trips)}")
        if (payloads := choices.payload_break_even(each.arm, best, conditions)) is not None:
            said.append(f"over this link {for_answers(payloads)}")
        yield f"{names.arm(each.arm)} would be faster than {names.arm(best)} {'; '.join(said)}."


def _table(ranked: Sequence[Choice]) -> Table:
    unit = units.DURATIONS_NS[2]
    built = Builder(
        f"Predicted latency in {unit.symbol}, and what it is made of",
        [
            Column("", numeric=False),
            *(Column(title) for title in ("latency", "round trips", "bytes", "producer", "consumer")),
            *(Column(title, "B") for title in ("request", "answer")),
            Column("÷ fastest"),
        ],
    )
    for each in ranked:
        found = each.prediction
        times = (found.latency_ns.value, found.round_trips_ns, found.up_ns + found.down_ns, found.producer_ns)
        built.add(
            (names.arm(each.arm),),
            [
                *(units.number(spent, unit) for spent in (*times, found.consumer_ns)),
                *(f"{size:,.0f}" for size in (found.request_bytes, found.response_bytes)),
                Entry("1") if each.ratio is None else Entry(f"{each.ratio.value:.2f}", each.ratio.verdict),
            ],
        )
    built.notes.append(
        "producer, consumer: CPU time of a request over an open connection. Verdicts allow for the intervals of what "
        "was measured and for the model's own error (docs/model.md)."
    )
    return built.table()


def _up_share(link: Profile) -> float:
    if link.up_bits_per_second is None or link.down_bits_per_second is None:
        return 1.0
    return link.up_bits_per_second / link.down_bits_per_second


def _latency(found: Estimate) -> str:
    """With its interval, unless that is narrower than what is told."""
    unit = units.chosen(units.DURATIONS_NS, [found.value])
    ends = {units.number(end, unit) for end in (found.low, found.high)}
    return f"{units.number(found.value, unit)} {unit.symbol}" if len(ends) == 1 else units.with_symbol(found, unit)


def _time(time_ns: float) -> str:
    unit = units.chosen(units.DURATIONS_NS, [time_ns])
    return f"{units.number(time_ns, unit)} {unit.symbol}"


def _rate(bits_per_second: int) -> str:
    return rate(Estimate(value=bits_per_second))
