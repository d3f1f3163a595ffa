"""Which option is the fastest under given conditions, by how much, and at which break-even that changes. Pure.

An option is a protocol in a dialect, with one setting of gzip and TLS. Two options share every disturbance of the
rounds in which both were measured. Their difference therefore comes from the ratios paired within rounds
(bench.stats.ratios) and is more precise than either latency. What a network adds to both is added to it. The corrected
intervals of all differences of a run are right at once with 99 %.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations

from msgspec import structs

from bench.model.break_even import BreakEven, payload_break_even, rate_break_even, round_trip_break_even
from bench.model.parts import Parts
from bench.model.predict import Blend, Blended, Prediction, blend, blended, exactly, predict_exchange
from bench.network.profile import Profile
from bench.results import RatioEstimate, Verdict
from bench.spec import NEW, PERSISTENT, CellKey, Connection
from bench.stats.estimates import LATENCY, Interval
from bench.stats.ratios import family, paired
from bench.stats.verdicts import family_confidence, verdict, within_margin
from bench.workloads import Workload

OWN_ERROR = 0.03
"""The model's own error, as a share of a ratio (docs/model.md). Verdicts allow for it."""
NO_DISTANCE = Profile()
"""A link without round-trip time. Over open connections every option takes one round trip, so the round-trip time does
not change the rate at which two of them break even."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What is requested, and over which link."""

    at: Blend
    """The size of the response."""
    link: Profile
    tls: bool
    connection: Connection = PERSISTENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One option under the conditions."""

    option: CellKey
    prediction: Prediction
    ratio: RatioEstimate | None
    """Its latency divided by that of the fastest; None for the fastest itself, and where the two were not measured
    together."""


@dataclass(frozen=True, slots=True)
class Difference:
    """In nanoseconds; positive where the first option takes longer. An interval is None where there are too few
    slices."""

    value: float
    plain_95: Interval | None
    corrected: Interval | None

    def plus(self, value: float, interval: Interval) -> "Difference":
        """This difference plus a value with its interval."""
        return Difference(self.value + value, _plus(self.plain_95, interval), _plus(self.corrected, interval))

    def reversed(self) -> "Difference":
        """The difference of the second option to the first."""
        return Difference(-self.value, _negative(self.plain_95), _negative(self.corrected))


class Differences:
    """Between all options given, at the measured payloads and interpolated between them."""

    def __init__(self, parts: Parts, options: Sequence[CellKey]) -> None:
        self._measured = _measured(parts, options)

    def between(self, option: CellKey, other: CellKey, at: Blend) -> Difference | None:
        """The difference at a payload. None when the two were not measured in the same rounds."""
        if option == other:
            return Difference(0.0, (0.0, 0.0), (0.0, 0.0))
        if (other, option) in self._measured:
            found = self.between(other, option, at)
            return None if found is None else found.reversed()
        measured = self._measured.get((option, other), {})
        if not at.linear.keys() <= measured.keys():
            return None
        return Difference(
            at.mean({workload: each.value for workload, each in measured.items()}),
            _blended(at, {workload: measured[workload].plain_95 for workload in at.linear}),
            _blended(at, {workload: measured[workload].corrected for workload in at.linear}),
        )


class Choices:
    """The options of a run."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._differences = cache(lambda tls: Differences(parts, parts.options(tls=tls)))
        self._blended_at: Blend | None = None
        self._blended: dict[CellKey, Blended] = {}
        """At the latest payload: a map asks for each payload over many links."""

    def latencies(self, conditions: Conditions) -> dict[CellKey, float]:
        """The predicted latency of each option in nanoseconds, in the order of the run."""
        return {
            option: self._predict(option, conditions.at, conditions.link, conditions.connection).latency_ns.value
            for option in self.parts.options(tls=conditions.tls)
        }

    def ranked(self, conditions: Conditions) -> list[Choice]:
        """All options, the fastest first."""
        predicted = {
            option: self._predict(option, conditions.at, conditions.link, conditions.connection)
            for option in self.parts.options(tls=conditions.tls)
        }
        ordered = sorted(predicted, key=lambda option: predicted[option].latency_ns.value)
        return [
            Choice(
                option=option,
                prediction=predicted[option],
                ratio=None if option == ordered[0] else self.ratio(option, ordered[0], conditions),
            )
            for option in ordered
        ]

    def rate_break_even(
        self, option: CellKey, other: CellKey, conditions: Conditions, up_share: float = 1.0
    ) -> BreakEven | None:
        """The downlink rates at which `option` is faster than `other`. The uplink rate is the share `up_share` of it.

        The rates of the conditions are not used. None where the two were not measured together.
        """
        at, unlimited = conditions.at, Profile(rtt_ns=conditions.link.rtt_ns)
        gap = self._gap(option, other, at, unlimited, conditions.connection)
        if gap is None or gap.plain_95 is None:
            return None
        ours, theirs = (self._predict(each, at, unlimited, conditions.connection) for each in (option, other))
        more_bits = 8 * (
            ours.response_bytes - theirs.response_bytes + (ours.request_bytes - theirs.request_bytes) / up_share
        )
        return rate_break_even(gap.value, gap.plain_95, more_bits)

    def round_trip_break_even(self, option: CellKey, other: CellKey, conditions: Conditions) -> BreakEven | None:
        """The round-trip times, in nanoseconds, at which `option` is faster than `other`.

        The rates are those of the conditions. None where the two were not measured together, or take the same number of
        round trips.
        """
        at, connection = conditions.at, conditions.connection
        near = replace(conditions.link, rtt_ns=0)
        gap = self._gap(option, other, at, near, connection)
        ours, theirs = (self._predict(each, at, near, connection).round_trips for each in (option, other))
        if gap is None or gap.plain_95 is None or ours == theirs:
            return None
        return round_trip_break_even(gap.value, gap.plain_95, ours - theirs)

    def payload_break_even(self, option: CellKey, other: CellKey, conditions: Conditions) -> BreakEven | None:
        """The payloads, in bytes, at which `option` is faster than `other` over the link of the conditions.

        Searched between the smallest and the largest payload measured. None where the two were not measured together.
        """
        sizes = [self.parts.payload_bytes[workload] for workload in self.parts.curve]
        if len(sizes) == 1:
            return None

        def gap(payload: float) -> tuple[float, Interval] | None:
            at = blend(self.parts, payload)
            found = self._gap(option, other, at, conditions.link, conditions.connection)
            return None if found is None or found.plain_95 is None else (found.value, found.plain_95)

        return payload_break_even(gap, sizes[0], sizes[-1])

    def ratio(self, option: CellKey, other: CellKey, conditions: Conditions) -> RatioEstimate | None:
        """The latency of one option divided by that of another. None where the two were not measured together."""
        gap = self._gap(option, other, conditions.at, conditions.link, conditions.connection)
        if gap is None:
            return None
        base_ns = self._predict(other, conditions.at, conditions.link, conditions.connection).latency_ns.value
        low_95, high_95 = _as_ratio(gap.plain_95, base_ns)
        low, high = _as_ratio(gap.corrected, base_ns)
        within = low is not None and high is not None and within_margin(low, high)
        found: Verdict = "same" if within and self.parts.restarted else "inconclusive"
        if low is not None and high is not None:
            low, high = low / (1 + OWN_ERROR), high * (1 + OWN_ERROR)
            # `same` stands without the model's own error; `faster` and `slower` have to hold in spite of it.
            found = found if found == "same" else verdict(low, high, restarted=self.parts.restarted)
        return RatioEstimate(
            value=1 + gap.value / base_ns, low=low, high=high, low_95=low_95, high_95=high_95, verdict=found
        )

    def difference(self, option: CellKey, other: CellKey, at: Blend) -> Difference | None:
        """How much longer `option` takes than `other` on loopback. None where the two were not measured together."""
        return self._differences(option.tls).between(option, other, at)

    def _predict(self, option: CellKey, at: Blend, link: Profile, connection: Connection) -> Prediction:
        if at is not self._blended_at:
            self._blended_at, self._blended = at, {}
        if option not in self._blended:
            self._blended[option] = blended(self.parts, option, at)
        return predict_exchange(self._blended[option], self.parts.set_ups[option], link, connection)

    def _gap(
        self, option: CellKey, other: CellKey, at: Blend, link: Profile, connection: Connection
    ) -> Difference | None:
        """How much longer `option` takes than `other` over a link."""
        found = self.difference(option, other, at)
        if found is None:
            return None
        ours, theirs = (self._predict(each, at, link, connection) for each in (option, other))
        exact_ns = ours.network_ns - theirs.network_ns
        gap = found.plus(exact_ns, (exact_ns, exact_ns))
        return gap.plus(*self._more_set_up(option, other)) if connection == NEW else gap

    def _more_set_up(self, option: CellKey, other: CellKey) -> tuple[float, Interval]:
        """How much more a new connection adds to one than to the other; the interval adds those of both."""
        ours, theirs = (self.parts.set_ups[each].latency_ns for each in (option, other))
        if ours is None or theirs is None:
            return 0.0, (0.0, 0.0)
        value = ours.value - theirs.value
        if ours.low is None or ours.high is None or theirs.low is None or theirs.high is None:
            return value, (value, value)
        return value, (ours.low - theirs.high, ours.high - theirs.low)


def twin(parts: Parts, option: CellKey) -> CellKey | None:
    """The same option without gzip, or with it; None where that was not measured."""
    other = structs.replace(option, gzip=not option.gzip)
    return other if other in parts.exchanges else None


@dataclass(frozen=True, slots=True)
class RateBreakEven:
    """The rates at which one option is faster than another: symmetric, over an open connection."""

    workload: Workload
    option: CellKey
    other: CellKey
    found: BreakEven


def gzip_break_evens(choices: Choices) -> Iterator[RateBreakEven]:
    """Every option with gzip against the same without, for every workload."""
    for option in choices.parts.exchanges:
        other = twin(choices.parts, option)
        if option.gzip and other is not None:
            yield from _rate_break_evens(choices, option, other)


def baseline_break_evens(choices: Choices) -> Iterator[RateBreakEven]:
    """Every option of another protocol against the baseline's at equal gzip and TLS, for every workload."""
    parts = choices.parts
    for option in parts.exchanges:
        other = option.of_series(parts.baseline)
        if option != other and other in parts.exchanges:
            yield from _rate_break_evens(choices, option, other)


def _rate_break_evens(choices: Choices, option: CellKey, other: CellKey) -> Iterator[RateBreakEven]:
    for workload in choices.parts.payload_bytes:
        conditions = Conditions(at=exactly(choices.parts, workload), link=NO_DISTANCE, tls=option.tls)
        found = choices.rate_break_even(option, other, conditions)
        if found is not None:
            yield RateBreakEven(workload, option, other, found)


def _as_ratio(gap_ns: Interval | None, base_ns: float) -> tuple[float | None, float | None]:
    if gap_ns is None:
        return None, None
    # A latency cannot be negative, however wide its interval.
    return max(0.0, 1 + gap_ns[0] / base_ns), max(0.0, 1 + gap_ns[1] / base_ns)


def _measured(parts: Parts, options: Sequence[CellKey]) -> dict[tuple[CellKey, CellKey], dict[Workload, Difference]]:
    keys, logs = [], []
    for option, other in combinations(options, 2):
        for workload, exchange in parts.exchanges[option].items():
            found = paired(exchange.cell.slices, parts.exchanges[other][workload].cell.slices, LATENCY)
            if found is not None:
                keys.append((option, other, workload))
                logs.append(found)
    confidence = family_confidence(len(logs))
    differences: dict[tuple[CellKey, CellKey], dict[Workload, Difference]] = {}
    for (option, other, workload), ratio in zip(keys, family(logs, [confidence] * len(logs)), strict=True):
        base_ns = parts.exchanges[other][workload].latency_ns.value
        differences.setdefault((option, other), {})[workload] = Difference(
            base_ns * (ratio.value - 1), _in_ns(ratio.plain_95, base_ns), _in_ns(ratio.corrected, base_ns)
        )
    return differences


def _in_ns(ratio: Interval | None, base_ns: float) -> Interval | None:
    return None if ratio is None else (base_ns * (ratio[0] - 1), base_ns * (ratio[1] - 1))


def _blended(at: Blend, intervals: Mapping[Workload, Interval | None]) -> Interval | None:
    known = {workload: interval for workload, interval in intervals.items() if interval is not None}
    return at.interval(known) if known.keys() == intervals.keys() else None


def _plus(interval: Interval | None, added: Interval) -> Interval | None:
    return None if interval is None else (interval[0] + added[0], interval[1] + added[1])


def _negative(interval: Interval | None) -> Interval | None:
    return None if interval is None else (-interval[1], -interval[0])
