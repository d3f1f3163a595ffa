"""Measuring the machine itself: a few seconds of waiting, computing and sending over loopback."""

import asyncio
import socket
import sys
from collections.abc import Sequence
from statistics import fmean, median
from time import perf_counter_ns
from typing import Any

import psutil

from bench.cgroup import ThrottleClock
from bench.clients.registry import CLIENTS, why_unusable
from bench.environment import governor
from bench.load import messages
from bench.load.recorder import failures
from bench.load.timer import PreciseTimer
from bench.load_models import ClosedLoad
from bench.machine import Pinning
from bench.occupancy import Occupancy
from bench.plan import Addresses
from bench.runner.findings import MachineMeasured
from bench.runner.noop_servers import ECHO, RECIPE_ID
from bench.runner.processes import ProcessFailed
from bench.runner.session import Server, Session
from bench.spec import CellKey
from bench.topology import Core
from consumers.target import parse_target

IDLE_S = 1.0
TIMER_WAITS = 200
ROUND_TRIPS = 1000
WORK_PIECES = 300
WORK_STEPS = 12_000
"""About half a millisecond of Python."""
CEILING_NS = 500_000_000
CEILING_LOAD = ClosedLoad(concurrency=16)
TIMEOUT_S = 60.0


async def measure_machine(
    protocols: Sequence[str], pinning: Pinning, cores: tuple[Core, ...], occupancy: Occupancy | None
) -> MachineMeasured:
    """Everything that `bench check` reports. `cores`: the usable ones, since this process may be pinned to one of them.

    `occupancy`: of the CPUs that are measured; None: other runs are not noticed.
    """
    throttle = ThrottleClock()
    cpus = pinning.measured or tuple(cpu for core in cores for cpu in core.cpus)
    # While this process waits, others are all that uses them.
    every = await asyncio.to_thread(psutil.cpu_times_percent, IDLE_S, percpu=True)
    used_by_others, steal = used_and_stolen(every, cpus)
    late_ns = await _timer_lateness()
    slow_pieces = _slow_pieces()
    round_trips_ns = await _round_trips(pinning)
    ceilings_hz = {
        (protocol, client): await _ceiling(protocol, client, pinning) for protocol in protocols for client in CLIENTS
    }
    return MachineMeasured(
        cores=cores,
        pinning=pinning,
        throttling=throttle.so_far(),
        other_runs=None if occupancy is None else occupancy.other_runs(),
        governor=governor(),
        used_by_others=used_by_others,
        steal=steal,
        slow_pieces=slow_pieces,
        clock_step_ns=_clock_step(),
        timer_late_p50_ns=median(late_ns),
        timer_late_p99_ns=_quantile(late_ns, 0.99),
        round_trip_p50_ns=median(round_trips_ns),
        round_trip_p99_ns=_quantile(round_trips_ns, 0.99),
        ceilings_hz=ceilings_hz,
    )


def used_and_stolen(every: Sequence[Any], cpus: Sequence[int]) -> tuple[float, float | None]:
    """The shares of the time of these CPUs that programs used and that were stolen. None: the system does not say.

    `every`: what psutil says of every CPU, in percent. CPUs that are off are missing there, and those after them have
    other places, so single ones can be found only where all are on.
    """
    times = [every[cpu] for cpu in cpus] if len(every) > max(cpus) else every
    steal = fmean(each.steal for each in times) if hasattr(times[0], "steal") else None
    waiting = fmean(each.idle + getattr(each, "iowait", 0.0) for each in times) + (steal or 0.0)
    return max(0.0, 1 - waiting / 100), None if steal is None else steal / 100


async def _timer_lateness() -> list[float]:
    late = []
    with PreciseTimer() as timer:
        for _ in range(TIMER_WAITS):
            due_ns = perf_counter_ns() + 1_000_000
            await timer.wait_until(due_ns)
            late.append(float(perf_counter_ns() - due_ns))
    return late


def _slow_pieces() -> float:
    took = []
    for _ in range(WORK_PIECES):
        started_ns = perf_counter_ns()
        total = 0
        for number in range(WORK_STEPS):
            total += number
        took.append(float(perf_counter_ns() - started_ns))
    return _quantile(took, 0.9) / median(took) - 1


def _clock_step() -> int:
    steps = []
    for _ in range(1000):
        before_ns = perf_counter_ns()
        while (after_ns := perf_counter_ns()) == before_ns:
            pass
        steps.append(after_ns - before_ns)
    return min(steps)


async def _start_noop(session: Session, name: str) -> Server:
    """A no-op server on the producers' core."""
    command = [sys.executable, "-P", "-m", "bench.runner.noop_servers", name]
    return await session.start_server(f"the no-op server for {name}", command)


async def _round_trips(pinning: Pinning) -> list[float]:
    async with Session(pinning) as session:
        server = await _start_noop(session, ECHO)
        session.pin()
        host, _, port = server.addresses[0].removeprefix("tcp://").rpartition(":")
        return await asyncio.to_thread(_ping, host, int(port))


def _ping(host: str, port: int) -> list[float]:
    took = []
    with socket.create_connection((host, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(ROUND_TRIPS):
            started_ns = perf_counter_ns()
            connection.sendall(b"x")
            connection.recv(1)
            took.append(float(perf_counter_ns() - started_ns))
    return took


async def _ceiling(protocol: str, client: str, pinning: Pinning) -> float | str:
    """Requests per second of a client's load process against a no-op server, or why it could not be measured."""
    if (reason := why_unusable(client, open_loop=False, new_connections=False)) is not None:
        return reason
    try:
        async with Session(pinning) as session:
            result = await _slice_against_noop(session, protocol, client)
    except ProcessFailed as error:
        return str(error)
    if isinstance(result, str):
        return result
    if failures(result.outcomes):
        return "not every request was successful"
    return result.slice.ok / result.slice.duration_ns * 1e9


async def _slice_against_noop(session: Session, protocol: str, client: str) -> messages.SliceDone | str:
    """A slice of a client's load process against a no-op server, or why its responses are not correct."""
    server = await _start_noop(session, protocol)
    setup = messages.Setup(
        protocol=protocol,
        direct=Addresses(parse_target(server.addresses[0].removeprefix("tcp://"))),
        recipes="generated:50",
        ids=[RECIPE_ID],
        known=False,
        timeout_s=5.0,
        producer_pids=(server.child.pid,),
    )
    key = CellKey(protocol=protocol, load=CEILING_LOAD, client=client)
    verify = messages.Verify(key=key, questions_at_most=1)
    load = await session.start_load(setup)
    session.pin()
    verification = await load.order(verify, TIMEOUT_S)
    if isinstance(verification, messages.Verification) and verification.cause is not None:
        return verification.text
    order = messages.RunSlice(cell=key.label, seed="", duration_ns=CEILING_NS, requests_at_least=16)
    result = await load.order(order, TIMEOUT_S)
    assert isinstance(result, messages.SliceDone)
    return result


def _quantile(values: Sequence[float], quantile: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(quantile * len(ordered)))]
