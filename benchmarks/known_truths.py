"""`python -m benchmarks.known_truths`: does the lab find latency distributions that are known?

A producer that stalls for 200 ms in every second, and responds within 1 ms otherwise, has percentiles that can be
computed: a request that is due during the stall waits for the rest of it. An open loop has to find them. A closed loop
waits along with the producer and misses them, which is shown. A producer that takes 40 ms for each response has to show
40 ms. The rate is low, so that the producer's own work hardly counts. It uses real processes and sockets and all three
protocols, and exits with 1 when a percentile of the open loop is more than 5 % off.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated

import typer
from hdrh.histogram import HdrHistogram

from bench.load import latency_histogram
from bench.load_models import ClosedLoad, Load, OpenLoad
from bench.results import Cell
from bench.stats.wording import percent
from benchmarks.repeated import command_of
from commands import command_line, values
from commands.errors import ExitCode
from producers.registry import PRODUCERS
from tests.support import measuring

TOLERANCE = 0.05
QUANTILES = (0.5, 0.99, 0.999)
SLICE_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Truth:
    """A producer that responds after `delay_ms`, but stalls for the first `stall_ms` of every `every_ms`."""

    name: str
    delay_ms: float
    stall_ms: float = 0.0
    every_ms: float = 1000.0

    @property
    def behaviour(self) -> Sequence[str]:
        """As flags of tests.support.known_producer."""
        return (
            "--delay-ms",
            str(self.delay_ms),
            "--stall-ms",
            str(self.stall_ms),
            "--every-ms",
            str(self.every_ms),
        )

    def quantile_ms(self, quantile: float) -> float:
        """What requests at random times wait: for the rest of the stall if they are due in it, then the delay."""
        waiting_longer = 1 - quantile
        return self.delay_ms + max(0.0, self.stall_ms - waiting_longer * self.every_ms)


STALLING = Truth("stalls 200 ms each second, else 1 ms", delay_ms=1.0, stall_ms=200.0)
FIXED = Truth("always 40 ms", delay_ms=40.0)


async def measured(protocol: str, truth: Truth, load: Load, rounds: int) -> Cell:
    """What the lab measures of that producer under that load."""
    async with measuring.known(protocol, *truth.behaviour) as producer:
        plan = measuring.plan_of(
            [protocol],
            [load],
            rounds=rounds,
            slice_ns=SLICE_NS,
            targets={protocol: producer.addresses},
        )
        run = await measuring.measured(plan)
    for warning in run.warnings:
        if warning.code in ("cells_failed", "errors_seen", "process_trouble", "generator_limited", "littles_law"):
            print(f"{warning.code}: {warning.text}", file=sys.stderr)
    return run.cells[0]


def row(protocol: str, truth: Truth, load: str, histogram: HdrHistogram, quantiles: Sequence[float]) -> float:
    """Print one row. Returns by which share its worst percentile is off."""
    texts, worst = [], 0.0
    for quantile in QUANTILES:
        found_ms = histogram.get_value_at_percentile(quantile * 100) / 1e6
        due_ms = truth.quantile_ms(quantile)
        off = found_ms / due_ms - 1
        texts.append(f"{found_ms:.1f} ({due_ms:.1f}, {'+' if off > 0 else '−'}{percent(abs(off))})")
        if quantile in quantiles:
            worst = max(worst, abs(off))
    print(f"| {protocol} | {truth.name} | {load} | {histogram.total_count} | {' | '.join(texts)} |", flush=True)
    return worst


async def compare(protocols: Sequence[str], rate_hz: float, rounds: int) -> bool:
    """Measure and print everything. Returns whether the open loop was always right."""
    print("| protocol | producer | load | answers | p50 ms (arithmetic, off) | p99 ms | p99.9 ms |")
    print("|---|---|---|---|---|---|---|")
    right = True
    for protocol, truth in product(protocols, (STALLING, FIXED)):
        # The tail of the fixed delay is noise of the machine; its median is the producer's.
        tested = (0.99, 0.999) if truth is STALLING else (0.5,)
        cell = await measured(protocol, truth, OpenLoad(rate_hz=rate_hz), rounds if truth is STALLING else 4)
        if cell.latency_histogram is None:
            print(f"| {protocol} | {truth.name} | no result: {cell.reason} |")
            right = False
            continue
        histogram = latency_histogram.decode(cell.latency_histogram)
        right &= row(protocol, truth, f"open, {rate_hz:g}/s", histogram, tested) <= TOLERANCE
        if truth is STALLING:
            closed = await measured(protocol, truth, ClosedLoad(concurrency=1), 4)
            row(protocol, truth, "closed, 1 in flight", latency_histogram.decode(closed.latency_histogram or ""), ())
    return right


app = command_line.application("Measure producers whose latency distribution is known, and compare.")


@app.command()
def known_truths(
    protocol: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Comma-separated; all by default.")
    ] = None,
    rate: Annotated[
        float, typer.Option(parser=values.number(1, 10_000), metavar="HZ", help="Requests due per second.")
    ] = 100.0,
    rounds: Annotated[
        int,
        typer.Option(
            parser=values.whole_number(1, 10_000), metavar="N", help="Slices of one second for the stalling producer."
        ),
    ] = 20,
) -> int:
    """Print measured and known percentiles side by side; exit 1 when an open loop is more than 5 % off."""
    protocols = [values.one_of(PRODUCERS)(name) for name in values.comma_list(protocol or PRODUCERS)]
    print(f"{command_of('benchmarks.known_truths')}\n", flush=True)
    right = asyncio.run(compare(protocols, rate, rounds))
    print(f"\nopen loop within {percent(TOLERANCE)} of arithmetic: {'yes' if right else 'NO'}")
    return ExitCode.FINE if right else ExitCode.REGRESSION


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.known_truths"))
