"""`python -m benchmarks.instructions_and_cpu COUNTED TIMED`: how do instructions and CPU time of a request relate?

COUNTED is the run file of `bench instructions`, TIMED that of `bench run` with the same producers, on one machine. For
each configuration with one request in flight, and each side, it prints instructions and CPU time per request and the
instructions per nanosecond. Were instructions all that counts, that would be the same everywhere. The last line says by
how much CPU time differs from what its instructions predict.
"""

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median, pstdev
from typing import Annotated

import typer

from bench import run_file
from bench.report.instructions import SIDES
from bench.results import Cell, Run
from benchmarks.repeated import command_of
from commands import command_line
from commands.errors import ExitCode, UsageError

NS_PER_US = 1e3


def pairs(counted: Run, timed: Run, side: str) -> Iterator[tuple[Cell, float, float]]:
    """Each timed cell of both runs, its instructions and its CPU time per request in nanoseconds."""
    found = {cell.without("load", "cores"): cell.instructions for cell in counted.cells}
    for cell in timed.cells:
        count = getattr(found.get(cell.without("load", "cores")), side, None)
        cpu = getattr(cell.cpu_us_per_request, side, None)
        if cell.measures_latency and count is not None and cpu is not None:
            yield cell, count.per_request.value, cpu.value * NS_PER_US


app = command_line.application("Compare instructions with CPU time.")


@app.command()
def instructions_and_cpu(
    counted: Annotated[Path, typer.Argument(metavar="COUNTED", help="Run file of bench instructions.")],
    timed: Annotated[Path, typer.Argument(metavar="TIMED", help="Run file of bench run.")],
) -> int:
    """Print both figures for each configuration that both runs have."""
    try:
        runs = run_file.read(counted), run_file.read(timed)
    except run_file.RunFileUnreadable as error:
        raise UsageError(str(error)) from None
    print(f"{command_of('benchmarks.instructions_and_cpu')}\n")
    print("| side | configuration | instructions | CPU time, µs | instructions per ns |")
    print("|---|---|---|---|---|")
    for side, name in SIDES.items():
        found = list(pairs(*runs, side))
        for cell, instructions, cpu_ns in found:
            cpu_us, per_ns = cpu_ns / NS_PER_US, instructions / cpu_ns
            print(f"| {name} | {cell.id} | {instructions:,.0f} | {cpu_us:,.0f} | {per_ns:.2f} |")
        if len(found) > 1:
            logs = [math.log(instructions / cpu_ns) for _, instructions, cpu_ns in found]
            print(
                f"| {name} | median | | | {math.exp(median(logs)):.2f}; CPU time is off by "
                f"{math.expm1(pstdev(logs)) * 100:.0f} % (standard deviation) |"
            )
    return ExitCode.FINE


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.instructions_and_cpu"))
