"""Break-evens in words: below which rate something pays, with the interval; always, never, or not known."""

from bench.model.break_even import BreakEven
from bench.network.profile import RATE_BPS_AT_LEAST, RATE_BPS_AT_MOST
from bench.run_file import Estimate
from bench.tell import units

ALWAYS, NEVER, UNCLEAR = "at every rate", "at no rate", "unclear"


def at_rates(found: BreakEven) -> str:
    """`below 38 Mbit/s (36–40)`, `at every rate`, `at no rate`, `unclear`; of an open end what is known of it."""
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


def rate(found: Estimate) -> str:
    """`38 Mbit/s (36–40)`."""
    return units.with_symbol(found, units.chosen(units.RATES_BPS, [found.value]))
