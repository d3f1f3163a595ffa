"""`python -m benchmarks.neighbours 25%`: other programs on the machine, whose demand is known.

One process for each CPU computes in bursts of random length and rests in between, so that it wants the CPU for a share
of the time. Each is in a session of its own, as programs of other users are, so the kernel gives it its part of the CPU
(autogroup, sched(7)). Slices meet such bursts as they do on a machine that is shared.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from time import monotonic, sleep
from typing import Annotated

import typer

from bench.machine import usable_cpus
from commands import command_line, values

SHARE = values.share(0.01, 0.95)
"""A parser of what a neighbour may take of its CPU."""
BURST_S = 0.03
"""How long a burst lasts on average: a few scheduling slices, longer than a slice of the bench."""


def bursts(share: float, seed: int) -> Iterator[tuple[float, float]]:
    """How long to compute and then to rest, in seconds, again and again. Both are exponentially distributed."""
    random = Random(seed)
    while True:
        yield random.expovariate(1 / BURST_S), random.expovariate(share / (1 - share) / BURST_S)


def compute(share: float, seed: int) -> None:
    """Compute and rest in turns until the process is ended, or the one that started it is."""
    parent = os.getppid()
    for busy_s, idle_s in bursts(share, seed):
        if os.getppid() != parent:
            return
        until_s = monotonic() + busy_s
        while monotonic() < until_s:
            pass
        sleep(idle_s)


@contextmanager
def neighbours(share: float | None) -> Iterator[None]:
    """Have one run for each CPU; none without a share."""
    command = [sys.executable, "-m", "benchmarks.neighbours", str(share)]
    numbers = range(0 if share is None else len(usable_cpus()))
    running = [subprocess.Popen([*command, "--seed", str(number)], start_new_session=True) for number in numbers]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


app = command_line.application("Take a share of one CPU, in bursts, until ended.")


@app.command()
def main(
    share: Annotated[float, typer.Argument(parser=SHARE, metavar="SHARE", help="Of the time.")],
    seed: Annotated[int, typer.Option(parser=values.whole_number(0, 1 << 40), metavar="N", help="Of the bursts.")] = 1,
) -> None:
    """Compute and rest in turns."""
    compute(share, seed)


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.neighbours"))
