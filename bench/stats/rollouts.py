"""What a rollout was, and what it cost: producers restarted one after the other while requests were due. Pure."""

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import force_setattr

from bench.fronts.registry import NONE
from bench.request_log import LoggedRequest, RequestLog
from bench.spec import CellKey
from bench.stats.over_time import NS_PER_S, Interval, intervals, quantile
from bench.stats.restarts import Lost, Restart, lost_requests
from bench.stats.send_lag import lag_p99_ns, what_delayed, why_behind

Order = Literal["stop-first", "start-first"]
ORDERS: tuple[Order, ...] = get_args(Order)
INTERVAL_S = 0.25
Status = Literal["measured", "unsupported", "failed"]


class RolloutKey(Struct, frozen=True, kw_only=True):
    """One combination."""

    cell: CellKey
    """What is requested, and through which front of how many replicas."""
    order: Order
    """What an operator does first: stop the old process, whose port the new one takes over, or start the new one."""
    stop_notice_s: float | None
    """How long a producer that was asked to stop serves on while health checks report it; None: without notice."""
    check_interval_s: float
    """Between two health checks of the front."""
    id: str = ""
    """A readable name, such as `http-get-tls-r200-haproxy-x2-notice2-check0.5`. It follows from the rest."""

    def __post_init__(self) -> None:
        """Derive the id. Usual values are left out."""
        order = "" if self.order == ORDERS[0] else self.order
        notice = "" if self.stop_notice_s is None else f"notice{self.stop_notice_s:g}"
        check = "" if self.cell.front == NONE else f"check{self.check_interval_s:g}"
        force_setattr(self, "id", "-".join(filter(None, (self.cell.usual("cores").label, order, notice, check))))

    @property
    def notice(self) -> str:
        """In words."""
        return "without notice" if self.stop_notice_s is None else f"with {self.stop_notice_s:g} s notice"


class Rollout(Struct, frozen=True, kw_only=True):
    """One rollout. Times are in seconds or nanoseconds from the beginning of its load."""

    key: RolloutKey
    status: Status = "measured"
    reason: str | None = None
    """Why it was not measured."""
    untrusted: str | None = None
    """Why its figures are not to be trusted."""
    delayed_by_load: str | None = None
    """Why its high percentiles of latency are those of the load process."""
    front_version: str = ""
    requests: int = 0
    failed: int = 0
    restarts: list[Restart] = []
    lost: list[Lost] = []
    before_p99_ns: int | None = None
    """Of requests that were due before the first restart began."""
    during_p99_ns: int | None = None
    """Of those that were due while a restart went on."""
    during_max_ns: int | None = None
    send_lag_p99_ns: int | None = None
    interval_s: float = INTERVAL_S
    intervals: list[Interval] = []

    @property
    def lost_per_restart(self) -> list[int]:
        """Failed requests of each restart."""
        return [each.count for each in self.lost if each.restart is not None]


def rollout_of(key: RolloutKey, log: RequestLog, restarts: Sequence[Restart], front_version: str) -> Rollout:
    """What the log of a whole rollout says."""
    requests = list(log.requests())
    first_ns = restarts[0].began_ns if restarts else log.window_ns
    before = _latencies(each for each in requests if each.due_ns < first_ns)
    during = _latencies(
        each for each in requests if any(one.began_ns <= each.due_ns <= one.ended_ns for one in restarts)
    )
    return Rollout(
        key=key,
        untrusted=why_behind(requests, log.loop_stall_ns),
        delayed_by_load=what_delayed(requests, log.loop_stall_ns),
        front_version=front_version,
        requests=len(requests),
        failed=sum(each.cause is not None for each in requests),
        restarts=list(restarts),
        lost=lost_requests(requests, restarts),
        before_p99_ns=quantile(before, 0.99) if before else None,
        during_p99_ns=quantile(during, 0.99) if during else None,
        during_max_ns=during[-1] if during else None,
        send_lag_p99_ns=lag_p99_ns(requests),
        intervals=intervals(requests, INTERVAL_S, log.window_ns / NS_PER_S),
    )


def _latencies(requests: Iterable[LoggedRequest]) -> list[int]:
    """Of successful requests, ascending."""
    return sorted(each.latency_ns for each in requests if each.cause is None)


def regressions(rollouts: Iterable[Rollout], at_most: int) -> list[Rollout]:
    """Those in which a restart lost more requests than allowed. What is not to be trusted is none."""
    return [
        each for each in rollouts if each.untrusted is None and any(count > at_most for count in each.lost_per_restart)
    ]
