"""Which fronts serve the cells of a producer, and what a cell asks of its front. Pure, but for the search for programs.

A front has one listener, so cells that need another configuration of it have another process. All of them stand before
the same producers: what a hop costs is compared within the same processes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

from bench.dimension import AT_FRONT
from bench.front_programs import why_not_installed
from bench.fronts import registry as fronts
from bench.fronts.plan import Balance, FrontPlan, FrontTimes, TlsAt
from bench.spec import CellKey

KEEP_ALIVE_S = 100.0
"""How long fronts keep idle connections, on both sides: longer than an instance is left unvisited, and shorter than
producers keep theirs."""
RESPONSE_S = 150.0
"""How long fronts wait for a response: longer than clients do, so that it is theirs to give up."""
WITHOUT_CLIENT_TLS: dict[TlsAt, TlsAt] = {"none": "none", "front": "none", "producer": "producer", "both": "producer"}
"""Where TLS ends when its clients use none, by where it ends otherwise. Where a front passes TLS on, it passes plain
connections on as well, to the other port of the producers."""


@dataclass(frozen=True, slots=True)
class FrontProcess:
    """One process of a front: which front it is, and what it is configured for."""

    name: str
    replicas: int
    plan: FrontPlan
    """Without upstreams, which are known once the producers have started."""

    @property
    def producer_tls(self) -> bool:
        """Whether it is connected to the ports of the producers that serve TLS."""
        return self.plan.upstream_tls or self.plan.passes

    @property
    def plain(self) -> "FrontProcess":
        """The one that does the same for clients without TLS."""
        return replace(self, plan=replace(self.plan, tls_at=WITHOUT_CLIENT_TLS.get(self.plan.tls_at, "none")))


def tls_place(key: CellKey) -> TlsAt:
    """Where TLS is in what stands before a cell's producers."""
    return cast(TlsAt, key.tls_at or "none")


def front_process(key: CellKey, gzip_level: int) -> FrontProcess | None:
    """The front that a cell's clients connect to; None without one."""
    if key.front == fronts.NONE:
        return None
    plan = FrontPlan(
        protocol=key.protocol,
        upstreams=(),
        tls_at=tls_place(key),
        gzip=key.gzip_at == AT_FRONT,
        gzip_level=gzip_level,
        balance=cast(Balance, key.balance),
        # Checks would take time from what is measured.
        health=None,
        times=FrontTimes(response_s=RESPONSE_S, client_keep_alive_s=KEEP_ALIVE_S, upstream_keep_alive_s=KEEP_ALIVE_S),
        counts_calls=key.replicas > 1,
    )
    return FrontProcess(key.front, key.replicas, plan)


def front_processes(cells: Iterable[CellKey], gzip_level: int) -> list[FrontProcess]:
    """The fronts that these cells of one producer need, each once.

    Where clients speak TLS, there is one for clients without it as well: through that, bytes inside TLS are found by
    their lengths, and requests in flight are counted.
    """
    needed = [found for cell in cells if (found := front_process(cell, gzip_level)) is not None]
    return list(dict.fromkeys(each for found in needed for each in (found, found.plain)))


def why_no_front(key: CellKey, gzip_level: int) -> str | None:
    """Why a cell's front cannot serve it, in one line; None where it can, and for cells without one."""
    needed = front_process(key, gzip_level)
    if needed is None:
        return None
    front = fronts.front(needed.name)
    reason = front.why_not(needed.plan) or why_not_installed(front)
    return None if reason is None else f"{fronts.title(needed.name)}: {reason}"
