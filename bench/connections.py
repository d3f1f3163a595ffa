"""How many connections, open files and local ports a plan needs, and what is wrong where fewer are allowed. Pure."""

from collections.abc import Hashable, Iterable, Sequence

from bench import protocols
from bench.clients.library import CONNECTIONS_AT_MOST
from bench.front_processes import front_processes
from bench.fronts.registry import NONE
from bench.load.fresh_connections import CLOSING_AT_MOST
from bench.network.profile import LOOPBACK
from bench.plan import RunPlan
from bench.spec import NEW, CellKey
from producers.registry import flags_for, implementation
from producers.settings import Limits

FILES_OF_A_PROCESS = 64
"""Open files of a process besides connections and children."""
FILES_OF_A_CHILD = 4
"""Open files for each child: its stdin, stdout, stderr and, from Python 3.12 on, its pidfd."""
PORTS_WANTED = 4000
"""Local ports from which on new connections seldom run out of them."""


def of_cell(key: CellKey) -> int:
    """The connections that the cell's client has open at the same time, at most."""
    if key.load is None:
        return 1
    callers = key.load.connection_limit or CONNECTIONS_AT_MOST
    if key.connection == NEW:
        return callers + CLOSING_AT_MOST
    return 1 if protocols.protocol(key.protocol).multiplexes else callers


def of_producer(cells: Iterable[CellKey]) -> int:
    """The connections to one producer at the same time, at most: those that are timed, and those of the count."""
    shared: dict[Hashable, int] = {}
    counted = 0
    for key in cells:
        shared[key.connections] = of_cell(key)
        counted = max(counted, _counted(key))
    return sum(shared.values()) + counted


def _counted(key: CellKey) -> int:
    """The connections over which the requests in flight are counted, beside those that are timed."""
    return 0 if key.load is None or key.load.connection_limit == 1 else of_cell(key)


def open_files(plan: RunPlan) -> int:
    """The open files that the run's largest process needs, with one instance at a time."""
    producers = [_cells_of(plan, process) for process in _processes(plan)]
    # A load process counts requests in flight through a tap of its own, which has two ends of each connection.
    load = max(of_producer(cells) + 2 * max(map(_counted, cells)) for cells in producers)
    # A front has two ends of each connection, and so has a relay.
    between = 2 * max(map(of_producer, producers)) if any(map(_is_behind, plan.matrix.cells())) else 0
    return FILES_OF_A_PROCESS + max(load, between, FILES_OF_A_CHILD * children(plan))


def children(plan: RunPlan) -> int:
    """The children of this process for one instance: load processes, relays, fronts and producers."""
    relays = sum(name != LOOPBACK for name in plan.matrix["network"])
    found = 0
    for process in _processes(plan):
        cells = _cells_of(plan, process)
        producers = max(key.replicas for key in cells) if plan.restarts else 0
        found += 1 + relays + len(front_processes(cells, plan.gzip_level)) + producers
    return found


def instances_at_once(plan: RunPlan, allowed: int) -> int:
    """How many instances can live at the same time with so many open files allowed to this process."""
    return max(1, (allowed - FILES_OF_A_PROCESS) // (FILES_OF_A_CHILD * children(plan)))


def too_few_files(plan: RunPlan, allowed: int) -> str | None:
    """What is wrong where a process may have fewer open files than the run needs, in one line; None for nothing."""
    needed = open_files(plan)
    if needed <= allowed:
        return None
    lower = any(_counted(key) for key in plan.matrix.cells())
    return (
        f"this run needs up to {needed:,} open files in a process, and {allowed:,} are allowed: raise the limit "
        f"(ulimit -Hn {needed}){', or use a lower --concurrency' if lower else ''}"
    )


def too_few_ports(plan: RunPlan, ports: int) -> str | None:
    """What is wrong where fewer local ports can be used at the same time than the run needs, in one line."""
    needed = max((of_cell(key) for key in plan.matrix.cells()), default=0)
    if needed <= ports:
        return None
    return (
        f"this run needs up to {needed:,} local ports at the same time, and net.ipv4.ip_local_port_range has "
        f"{ports:,}: widen it, or use a lower --concurrency"
    )


def may_lack_ports(plan: RunPlan, ports: int) -> str | None:
    """A sentence where new connections may use up the local ports during the run; None where that is not likely."""
    if ports >= PORTS_WANTED or not any(key.connection == NEW for key in plan.matrix.cells()):
        return None
    return (
        f"There are {ports:,} local ports (net.ipv4.ip_local_port_range), and each new connection takes one, which the "
        "system may keep for a minute. Some requests may find none left."
    )


def producer_flags(cells: Sequence[CellKey]) -> list[str]:
    """The flags with which a producer is started for these cells of one protocol: so that it speaks every dialect, and
    accepts as many connections as they need."""
    if not cells:
        return []
    first = cells[0]
    workers = ["--workers", str(first.workers)] if first.workers > 1 else []
    return workers + flags_for(first.protocol, dict.fromkeys(key.dialect for key in cells)) + _limits(cells)


def _limits(cells: Sequence[CellKey]) -> list[str]:
    """The limits that a producer has to raise for these cells; none where its usual ones will do."""
    needed = of_producer(cells)
    usual = {"connections": Limits().connections, "calls.connections": Limits().calls.connections}
    return [
        word
        for name, most in usual.items()
        if needed > most and all(implementation(key.protocol, key.implementation).enforces(name) for key in cells)
        for word in ("--limit", f"{name}={needed}")
    ]


def _is_behind(key: CellKey) -> bool:
    return key.front != NONE


def _processes(plan: RunPlan) -> list[CellKey]:
    return list(dict.fromkeys(key.process for key in plan.matrix.cells()))


def _cells_of(plan: RunPlan, process: CellKey) -> list[CellKey]:
    return [key for key in plan.matrix.cells() if key.process == process]
