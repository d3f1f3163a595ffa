"""Choosing: which arm is the fastest under given conditions, by how much, and where that flips. Pure."""

from dataclasses import dataclass, replace
from functools import cache

from bench.model.break_even import BreakEven, payload_break_even, rate_break_even, round_trip_break_even
from bench.model.differences import Difference, Differences
from bench.model.parts import Arm, Parts
from bench.model.payload import Blend, Blended, blend, blended
from bench.model.predict import Prediction, predict_exchange
from bench.network.profile import Profile
from bench.results import RatioEstimate, Verdict
from bench.spec import NEW, PERSISTENT, Connection
from bench.stats.estimates import Interval
from bench.stats.verdicts import verdict, within_margin

OWN_ERROR = 0.03
"""By how much more a ratio may be off because the model is, as a share: docs/model.md. Verdicts allow for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Under which something is asked for."""

    at: Blend
    """How large the answer is."""
    link: Profile
    tls: bool
    connection: Connection = PERSISTENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One arm under the conditions."""

    arm: Arm
    prediction: Prediction
    ratio: RatioEstimate | None
    """Its latency divided by that of the fastest; None for the fastest itself, and where nothing is known."""


class Choices:
    """The arms of a run."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._differences = cache(lambda tls: Differences(parts, parts.arms(tls=tls)))
        self._blended_at: Blend | None = None
        self._blended: dict[Arm, Blended] = {}
        """Of one payload, since a map asks for each under many links."""

    def latencies(self, conditions: Conditions) -> dict[Arm, float]:
        """What each arm is predicted to take, in nanoseconds, in the order of the run."""
        return {
            arm: self._predict(arm, conditions.at, conditions.link, conditions.connection).latency_ns.value
            for arm in self.parts.arms(tls=conditions.tls)
        }

    def ranked(self, conditions: Conditions) -> list[Choice]:
        """All arms, the fastest first."""
        predicted = {
            arm: self._predict(arm, conditions.at, conditions.link, conditions.connection)
            for arm in self.parts.arms(tls=conditions.tls)
        }
        ordered = sorted(predicted, key=lambda arm: predicted[arm].latency_ns.value)
        return [
            Choice(
                arm=arm,
                prediction=predicted[arm],
                ratio=None if arm == ordered[0] else self.ratio(arm, ordered[0], conditions),
            )
            for arm in ordered
        ]

    def rate_break_even(self, arm: Arm, other: Arm, conditions: Conditions, up_share: float = 1.0) -> BreakEven | None:
        """At which rates down `arm` is faster than `other`, the rate up being a share of it.

        The rates of the conditions do not matter. None where the two were not measured together.
        """
        at, unlimited = conditions.at, Profile(rtt_ns=conditions.link.rtt_ns)
        gap = self._gap(arm, other, at, unlimited, conditions.connection)
        if gap is None or gap.plain_95 is None:
            return None
        ours, theirs = (self._predict(each, at, unlimited, conditions.connection) for each in (arm, other))
        more_bits = 8 * (
            ours.response_bytes - theirs.response_bytes + (ours.request_bytes - theirs.request_bytes) / up_share
        )
        return rate_break_even(gap.value, gap.plain_95, more_bits)

    def round_trip_break_even(self, arm: Arm, other: Arm, conditions: Conditions) -> BreakEven | None:
        """At which round-trip times, in nanoseconds, `arm` is faster than `other`, at the rates of the conditions.

        None where the two were not measured together, or take as many round trips: then no distance changes anything.
        """
        at, connection = conditions.at, conditions.connection
        near = replace(conditions.link, rtt_ns=0)
        gap = self._gap(arm, other, at, near, connection)
        ours, theirs = (self._predict(each, at, near, connection).round_trips for each in (arm, other))
        if gap is None or gap.plain_95 is None or ours == theirs:
            return None
        return round_trip_break_even(gap.value, gap.plain_95, ours - theirs)

    def payload_break_even(self, arm: Arm, other: Arm, conditions: Conditions) -> BreakEven | None:
        """At which payloads, in bytes, `arm` is faster than `other` over the link of the conditions.

        Looked for between the least and the largest payload measured. None where the two were not measured together.
        """
        sizes = [self.parts.payload_bytes[workload] for workload in self.parts.curve]
        if len(sizes) == 1:
            return None

        def gap(payload: float) -> tuple[float, Interval] | None:
            at = blend(self.parts, payload)
            found = self._gap(arm, other, at, conditions.link, conditions.connection)
            return None if found is None or found.plain_95 is None else (found.value, found.plain_95)

        return payload_break_even(gap, sizes[0], sizes[-1])

    def ratio(self, arm: Arm, other: Arm, conditions: Conditions) -> RatioEstimate | None:
        """The latency of one arm divided by that of another. None where the two were not measured together."""
        gap = self._gap(arm, other, conditions.at, conditions.link, conditions.connection)
        if gap is None:
            return None
        base_ns = self._predict(other, conditions.at, conditions.link, conditions.connection).latency_ns.value
        low_95, high_95 = _as_ratio(gap.plain_95, base_ns)
        low, high = _as_ratio(gap.corrected, base_ns)
        within = low is not None and high is not None and within_margin(low, high)
        said: Verdict = "same" if within and self.parts.sure else "inconclusive"
        if low is not None and high is not None:
            low, high = low / (1 + OWN_ERROR), high * (1 + OWN_ERROR)
            # What lies within the margin is the same whatever else is uncertain; what differs has to do so clearly.
            said = said if said == "same" else verdict(low, high, restarted=self.parts.sure)
        return RatioEstimate(
            value=1 + gap.value / base_ns, low=low, high=high, low_95=low_95, high_95=high_95, verdict=said
        )

    def _predict(self, arm: Arm, at: Blend, link: Profile, connection: Connection) -> Prediction:
        if at is not self._blended_at:
            self._blended_at, self._blended = at, {}
        if arm not in self._blended:
            self._blended[arm] = blended(self.parts, arm, at)
        return predict_exchange(self._blended[arm], self.parts.set_ups[arm], link, connection)

    def _gap(self, arm: Arm, other: Arm, at: Blend, link: Profile, connection: Connection) -> Difference | None:
        """By how much longer `arm` takes over a link."""
        found = self._differences(arm.tls).between(arm, other, at)
        if found is None:
            return None
        ours, theirs = (self._predict(each, at, link, connection) for each in (arm, other))
        exact_ns = ours.network_ns - theirs.network_ns
        gap = found.plus(exact_ns, (exact_ns, exact_ns))
        return gap.plus(*self._more_set_up(arm, other)) if connection == NEW else gap

    def _more_set_up(self, arm: Arm, other: Arm) -> tuple[float, Interval]:
        """By how much more a new connection adds to one than to the other, with the widest interval of the two."""
        ours, theirs = (self.parts.set_ups[each].latency_ns for each in (arm, other))
        if ours is None or theirs is None:
            return 0.0, (0.0, 0.0)
        value = ours.value - theirs.value
        if ours.low is None or ours.high is None or theirs.low is None or theirs.high is None:
            return value, (value, value)
        return value, (ours.low - theirs.high, ours.high - theirs.low)


def twin(parts: Parts, arm: Arm) -> Arm | None:
    """The same arm without gzip, or with it; None where that was not measured."""
    other = Arm(arm.contender, not arm.gzip, arm.tls)
    return other if other in parts.exchanges else None


def _as_ratio(gap_ns: Interval | None, base_ns: float) -> tuple[float | None, float | None]:
    if gap_ns is None:
        return None, None
    # However uncertain, nothing takes less than no time.
    return max(0.0, 1 + gap_ns[0] / base_ns), max(0.0, 1 + gap_ns[1] / base_ns)
