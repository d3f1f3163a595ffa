"""Break-evens in words: below which rate, round trip or payload something pays, with the interval; always, never, or
not known."""

from collections.abc import Sequence

from bench.model.break_even import BreakEven
from bench.network.profile import RATE_BPS_AT_LEAST, RATE_BPS_AT_MOST
from bench.report import units
from bench.results import Estimate

ALWAYS, NEVER, UNCLEAR = "at every rate", "at no rate", "inconclusive"


def at_rates(found: BreakEven) -> str:
    """`below 38 Mbit/s (36–40)`, `at every rate`, `at no rate`, `inconclusive`; of an open end what is known of it."""
    if found.at is None:
        return {"always": ALWAYS, "never": NEVER}.get(found.kind, UNCLEAR)
    at = found.at
    # What lies beyond any link is nowhere.
    if at.low is not None and at.low > RATE_BPS_AT_MOST:
        return ALWAYS if found.kind == "below" else NEVER
    if at.high is not None and at.high < RATE_BPS_AT_LEAST:
        return NEVER if found.kind == "below" else ALWAYS
    if at.low is not None and at.high is None:
        least = rate(Estimate(value=at.low))
        return f"below {least} at least" if found.kind == "below" else f"above {least} at the earliest, if at all"
    return f"{found.kind} {rate(at)}"


def at_round_trips(found: BreakEven) -> str:
    """`below a round trip of 2.1 ms (1.9–2.3)`, `whatever the round trip`, `at no round trip`, `inconclusive`."""
    if found.at is None:
        return {"always": "whatever the round trip", "never": "at no round trip"}.get(found.kind, UNCLEAR)
    return f"{found.kind} a round trip of {_known(found.at, units.DURATIONS_NS)}"


def for_answers(found: BreakEven) -> str:
    """`for answers of less than 2.1 kB (1.9–2.3)`, `for answers of every size measured`, or that it is inconclusive."""
    if found.at is None:
        sizes = {"always": "for answers of every size measured", "never": "for answers of no size measured"}
        return sizes.get(found.kind, "inconclusive for which answers")
    than = "less" if found.kind == "below" else "more"
    return f"for answers of {than} than {_known(found.at, units.SIZES_BYTES)}"


def _known(found: Estimate, of: Sequence[units.Unit]) -> str:
    """The figure, with its interval where that is closed."""
    closed = found if found.low is not None and found.high is not None else Estimate(value=found.value)
    return units.with_symbol(closed, units.chosen(of, [found.value]))


def rate(found: Estimate) -> str:
    """`38 Mbit/s (36–40)`."""
    return units.with_symbol(found, units.chosen(units.RATES_BPS, [found.value]))
