"""Finding the facts about the machine: a few seconds of waiting, working and talking over loopback."""

import asyncio
import socket
import sys
from collections.abc import Sequence
from contextlib import asynccontextmanager
from statistics import median
from time import perf_counter_ns
from typing import Any

import psutil

from bench.clients.registry import CLIENTS, why_unusable
from bench.cores import Pinning, usable_cores
from bench.environment import governor
from bench.load import messages, outcomes
from bench.load.precise_timer import PreciseTimer
from bench.results import ClosedLoad
from bench.runner.findings import Facts
from bench.runner.noop_servers import ECHO, RECIPE_ID
from bench.runner.processes import Child, LoadProcess, ProcessFailed, pinned_to

IDLE_S = 1.0
TIMER_WAITS = 200
ROUND_TRIPS = 1000
WORK_PIECES = 300
WORK_STEPS = 12_000
"""About half a millisecond of Python."""
CEILING_NS = 500_000_000
CEILING_LOAD = ClosedLoad(concurrency=16)
PATIENCE_S = 60.0


async def facts(protocols: Sequence[str], pinning: Pinning) -> Facts:
    """Everything that `bench check` tells. Takes a few seconds."""
    used_by_others, stolen = await asyncio.to_thread(_idle)
    with pinned_to(pinning.load):
        late_ns = await _timer_lateness()
        spread = _speed_spread()
        round_trips_ns = await _round_trips(pinning)
    return Facts(
        cores=len(usable_cores()),
        apart=pinning.apart,
        governor=governor(),
        used_by_others=used_by_others,
        stolen=stolen,
        speed_spread=spread,
        clock_step_ns=_clock_step(),
        timer_late_p50_ns=median(late_ns),
        timer_late_p99_ns=_quantile(late_ns, 0.99),
        round_trip_p50_ns=median(round_trips_ns),
        round_trip_p99_ns=_quantile(round_trips_ns, 0.99),
        ceilings_hz={
            f"{protocol} {client}": await _ceiling(protocol, client, pinning)
            for protocol in protocols
            for client in CLIENTS
        },
    )


def _idle() -> tuple[float, float | None]:
    """What others used of all cores, and what was stolen, while this process slept."""
    times = psutil.cpu_times_percent(interval=IDLE_S)
    stolen = getattr(times, "steal", None)
    waiting = times.idle + getattr(times, "iowait", 0.0) + (stolen or 0.0)
    return max(0.0, 1 - waiting / 100), None if stolen is None else stolen / 100


async def _timer_lateness() -> list[float]:
    late = []
    with PreciseTimer() as timer:
        for _ in range(TIMER_WAITS):
            due_ns = perf_counter_ns() + 1_000_000
            await timer.wait_until(due_ns)
            late.append(float(perf_counter_ns() - due_ns))
    return late


def _speed_spread() -> float:
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


@asynccontextmanager
async def _trivial(name: str, pinning: Pinning) -> Any:
    """A trivial server on the producers' core; gives the address to connect to."""
    child = await Child.start(
        f"the trivial server for {name}", [sys.executable, "-m", "bench.runner.noop_servers", name], pinning.producer
    )
    try:
        yield (await child.line(PATIENCE_S)).decode().split()[1].removeprefix("tcp://"), child.process.pid
    finally:
        await child.stop()


async def _round_trips(pinning: Pinning) -> list[float]:
    async with _trivial(ECHO, pinning) as (address, _):
        host, _, port = address.rpartition(":")
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
    """Requests per second that a client's load process reaches when the server does nothing, or why not."""
    if (reason := why_unusable(client, open_loop=False, new_connections=False)) is not None:
        return reason
    async with _trivial(protocol, pinning) as (address, pid):
        setup = messages.Setup(
            protocol=protocol,
            direct=messages.Route(plain=address, tls=None),
            ca=None,
            recipes="generated:50",
            ids=[RECIPE_ID],
            known=False,
            timeout_s=5.0,
            producer_pid=pid,
        )
        cell = "ceiling"
        prove = messages.Prove(
            cell=cell,
            workload="get",
            page_size=0,
            gzip=False,
            tls=False,
            load=CEILING_LOAD,
            questions_at_most=1,
            client=client,
        )
        ask = messages.RunSlice(cell=cell, seed="", duration_ns=CEILING_NS, requests_at_least=16)
        try:
            load = await LoadProcess.start(protocol, setup, pinning.load)
        except ProcessFailed as error:
            return str(error)
        try:
            proof = await load.order(prove, PATIENCE_S)
            if isinstance(proof, messages.Proof) and proof.outcome != outcomes.OK:
                return proof.text
            result = await load.order(ask, PATIENCE_S)
        except ProcessFailed as error:
            return str(error)
        finally:
            await load.child.stop()
    if not isinstance(result, messages.SliceResult) or outcomes.failed(result.outcomes):
        return "not every request was answered"
    return result.outcomes[outcomes.OK] / result.duration_ns * 1e9


def _quantile(values: Sequence[float], quantile: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(quantile * len(ordered)))]
