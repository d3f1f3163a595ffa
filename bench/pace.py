"""How fast producers respond, learned as a run goes on, and what still fits into its time. Pure.

Nothing is known of that before a run, and a producer may be a thousand times slower than the lab's own. What takes long
is therefore cut short, so that a run keeps to its time: fewer responses are verified, bytes are not counted, slices
have fewer requests, and configurations whose next slice would not end in time are left out.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

from bench import schedule as planning
from bench.load_models import ClosedLoad
from bench.plan import RunPlan
from bench.spec import CellKey

SLOW_NS = 200_000_000
"""A request that takes so long is slow: what takes one is left out where it would not end in time."""
SLOW_SHARE = 0.01
"""A request that takes this share of the whole time is so slow that slices have as few as possible."""
PREPARING_SHARE = 0.4
"""The share of the time after which an instance with a slow producer is prepared no further."""
VERIFYING_SHARE = 0.5
"""The share of the time after which no further cell of a slow producer is verified, and so none measured."""
VERIFY_AT_LEAST_S = 2.0
"""How long verifying a cell may take in any case."""
SIZES_REQUESTS_AT_LEAST = 4
"""With fewer requests on a connection there is no steady state whose bytes could be counted."""


@dataclass(slots=True)
class Pace:
    """What is known about the speed of the producers of one run."""

    plan: RunPlan
    began_ns: int
    """On the clock of all times here."""
    _ready_ns: int = 0
    """When the processes of the first instance had started; 0: not yet."""
    _request_ns: dict[Hashable, int] = field(default_factory=dict)
    """How long a request of a cell took: the latest median."""

    @property
    def ends_ns(self) -> int | None:
        """When the run is over; None where rounds decide."""
        return None if self.plan.rounds is not None else self.began_ns + round(self.plan.seconds * 1e9)

    def ready(self, now_ns: int) -> None:
        """Note that the processes of an instance have started. Only the first call counts."""
        self._ready_ns = self._ready_ns or now_ns

    def learn(self, key: CellKey, request_ns: float | None) -> None:
        """Note how long a request took."""
        if request_ns is not None:
            self._request_ns[key] = round(request_ns)

    def learn_as(self, key: CellKey, other: CellKey | None) -> None:
        """Take a cell to be as slow as another one of the same producer."""
        self.learn(key, None if other is None else self._request_ns.get(other))

    def is_slow(self, key: CellKey) -> bool:
        """Whether a request of a cell takes long."""
        return self._request_ns.get(key, 0) >= SLOW_NS

    def is_very_slow(self, key: CellKey) -> bool:
        """Whether a request of a cell takes so long that a run which has to end sends no more than it needs."""
        long_ns = max(SLOW_NS, SLOW_SHARE * self.plan.seconds * 1e9)
        return self.ends_ns is not None and self._request_ns.get(key, 0) >= long_ns

    def requests_at_least(self, key: CellKey) -> int:
        """How many requests a slice of a cell has at least: of a very slow one, one per caller."""
        usual = planning.requests_at_least(key)
        concurrency = key.load.concurrency if isinstance(key.load, ClosedLoad) else usual
        return min(usual, concurrency) if self.is_very_slow(key) else usual

    def slice_fits(self, key: CellKey, now_ns: int) -> bool:
        """Whether a slice of a cell would end in time. Those of cells that are not slow always do, nearly."""
        return self._fits(key, now_ns, self._in_turn(key), 1.0)

    def sizes_requests(self, key: CellKey, usual: int, now_ns: int) -> int:
        """Over how many requests the bytes of a message can be counted before preparing has to end; 0: none."""
        for requests in (usual, SIZES_REQUESTS_AT_LEAST):
            if self._fits(key, now_ns, requests * (1 + key.tls), PREPARING_SHARE):
                return requests
        return 0

    def may_prepare(self, key: CellKey, now_ns: int) -> bool:
        """Whether a slice of the warm-up, or the count of requests in flight, ends before preparing has to end."""
        return self._fits(key, now_ns, 2 * self._in_turn(key), PREPARING_SHARE)

    def may_verify(self, last: CellKey | None, now_ns: int) -> bool:
        """Whether there is time to verify another cell, and to measure it. `last`: the cell of the same producer that
        was verified before."""
        return last is None or self._fits(last, now_ns, 1, VERIFYING_SHARE)

    def verify_within_s(self, now_ns: int, cells_left: int) -> float | None:
        """How long verifying the next of so many cells may take; None: as long as it takes."""
        if self.ends_ns is None:
            return None
        return max(VERIFY_AT_LEAST_S, (self._part_ends_ns(PREPARING_SHARE) - now_ns) / 1e9 / cells_left)

    def _in_turn(self, key: CellKey) -> int:
        """How many requests of a slice follow each other, at least."""
        concurrency = key.load.concurrency if isinstance(key.load, ClosedLoad) else 1
        return -(-self.requests_at_least(key) // concurrency) or 1

    def _fits(self, key: CellKey, now_ns: int, requests: int, share: float) -> bool:
        if self.ends_ns is None or not self.is_slow(key):
            return True
        return now_ns + requests * self._request_ns[key] <= self._part_ends_ns(share)

    def _part_ends_ns(self, share: float) -> float:
        """When this share of the time is over that was left once the processes had started."""
        ready_ns = self._ready_ns or self.began_ns
        return ready_ns + share * (self.began_ns + self.plan.seconds * 1e9 - ready_ns)
