"""Finding the highest rate that meets an objective: which rate to try next, and what is known so far. Pure.

First the answer is bracketed, by doubling from a guess or by ever larger steps down; then the bracket is narrowed by
its geometric mean; then the lower end has to be met again, twice. A disturbance of the machine can spoil a probe but
not mend one, so a rate is missed only when it was missed twice; one met by luck is found out when it is confirmed.
"""

from dataclasses import dataclass, field

LOWEST_HZ = 5.0
HIGHEST_HZ = 1_000_000.0
PRECISION = 1.05
"""The bracket is narrow enough when its ends are this factor apart."""
CONFIRMATIONS = 2


@dataclass(slots=True)
class RateSearch:
    """Ask `next_rate`, try it, `tell` how it went; until there is no next."""

    guess_hz: float
    met_hz: float | None = None
    """The highest rate known to be met."""
    missed_hz: float | None = None
    """The lowest rate known to be missed."""
    confirmed: int = 0
    """How often `met_hz` was met again since the bracket was narrow."""
    probes: list[tuple[float, bool]] = field(default_factory=list)
    _missed_once: bool = False

    def __post_init__(self) -> None:
        self.guess_hz = min(max(self.guess_hz, LOWEST_HZ), HIGHEST_HZ)

    def next_rate(self) -> float | None:
        """The rate to try, or None when the answer is known: `met_hz`, or that there is none."""
        if self.met_hz is None:
            if self.missed_hz is None:
                return self.guess_hz
            # What is missed far below the guess is seldom a matter of rate, so the lowest is tried soon.
            step = self.guess_hz / self.missed_hz * 2
            return max(self.missed_hz / step, LOWEST_HZ) if self.missed_hz > LOWEST_HZ else None
        if self.missed_hz is None:
            if self.met_hz < HIGHEST_HZ:
                return min(self.met_hz * 2, HIGHEST_HZ)
        elif self.missed_hz / self.met_hz > PRECISION:
            return float((self.met_hz * self.missed_hz) ** 0.5)
        return self.met_hz if self.confirmed < CONFIRMATIONS else None

    def tell(self, rate_hz: float, *, met: bool) -> None:
        """How the rate that `next_rate` gave went."""
        self.probes.append((rate_hz, met))
        if not met and not self._missed_once:
            self._missed_once = True
            return
        self._missed_once = False
        if met and rate_hz == self.met_hz:
            self.confirmed += 1
        elif met:
            self.met_hz, self.confirmed = rate_hz, 0
        elif rate_hz == self.met_hz:
            # It was met by luck: step down, and confirm that instead.
            self.missed_hz, self.confirmed = rate_hz, 0
            self.met_hz = None if rate_hz <= LOWEST_HZ else max(rate_hz / PRECISION, LOWEST_HZ)
        else:
            self.missed_hz = rate_hz
