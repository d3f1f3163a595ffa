"""What the relay's own error is, from what was sent and received: pure figures and their table."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

DELAY_OFF_NS_AT_MOST = 1_000_000
SHARE_OFF_AT_MOST = 0.02
"""What a relay may be off by: a delay by 1 ms or 2 %, whichever is more; a rate by 2 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One direction of one network."""

    network: str
    direction: str
    delay_ns: int
    """As the model computes it, the mean over what was sent."""
    late_ns: Sequence[int]
    """For each message, how much later than the model's time it was received."""
    set_up_ns: int
    """From connecting to the first byte's delivery."""
    set_up_late_ns: Sequence[int]
    bits_per_second: int | None
    """The rate wanted; None: without limit, and not measured."""
    bits_per_second_found: float | None

    @property
    def rate_off(self) -> float | None:
        """By which share the rate is off."""
        if self.bits_per_second is None or self.bits_per_second_found is None:
            return None
        return self.bits_per_second_found / self.bits_per_second - 1

    @property
    def good(self) -> bool:
        """Whether delay (99 of 100 messages), set-up (half of the connections) and rate are within what is promised."""
        delays = ((self.late_p99_ns, self.delay_ns), (median(self.set_up_late_ns), self.set_up_ns))
        return abs(self.rate_off or 0.0) <= SHARE_OFF_AT_MOST and all(
            abs(late_ns) <= max(DELAY_OFF_NS_AT_MOST, SHARE_OFF_AT_MOST * wanted_ns) for late_ns, wanted_ns in delays
        )

    @property
    def late_p99_ns(self) -> float:
        """By how much one message in a hundred was later."""
        return quantiles(self.late_ns, n=100, method="inclusive")[-1]


def received_rate(stamps: Sequence[tuple[int, int]]) -> float:
    """Bits per second of a stream, from pairs of time in nanoseconds and bytes received by then.

    The first pair only starts the clock: when its bytes began to come is not known.
    """
    (began_ns, before_bytes), (ended_ns, all_bytes) = stamps[0], stamps[-1]
    return (all_bytes - before_bytes) * 8e9 / (ended_ns - began_ns)


def received_ns(stamps: Sequence[tuple[int, int]], size_bytes: int) -> list[int]:
    """When each message of `size_bytes` had come as a whole, from the same pairs."""
    found: list[int] = []
    for at_ns, total_bytes in stamps:
        found += [at_ns] * (total_bytes // size_bytes - len(found))
    return found


HEADER = (
    "network",
    "direction",
    "delay",
    "late p50",
    "late p99",
    "set-up",
    "late p50",
    "rate",
    "found",
    "off",
    "within 1 ms or 2 %",
)


def table(findings: Sequence[Finding]) -> str:
    """All findings as a Markdown table: delays in milliseconds, rates in Mbit/s."""
    rows = [HEADER, tuple("---" for _ in HEADER), *(_row(finding) for finding in findings)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(found: Finding) -> tuple[str, ...]:
    rated = found.bits_per_second is not None and found.bits_per_second_found is not None
    return (
        found.network,
        found.direction,
        _ms(found.delay_ns),
        _ms(median(found.late_ns)),
        _ms(found.late_p99_ns),
        _ms(found.set_up_ns),
        _ms(median(found.set_up_late_ns)),
        f"{found.bits_per_second / 1e6:g}" if rated and found.bits_per_second else "no limit",
        f"{found.bits_per_second_found / 1e6:.2f}" if rated and found.bits_per_second_found else "–",
        f"{found.rate_off:+.2%}" if found.rate_off is not None else "–",
        "yes" if found.good else "no",
    )


def _ms(time_ns: float) -> str:
    return f"{time_ns / 1e6:.3f}"
