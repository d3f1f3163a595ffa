"""Keeps a core awake: a process that computes whenever nothing else wants the core, and rests when asked to.

A core that idles falls asleep, and a virtual one is given away by the hypervisor; waking it takes tens to hundreds of
microseconds, which would be measured as latency of whatever the core was waiting for. A process of the scheduling class
SCHED_IDLE (sched(7)) runs only while nothing else in its session wants to, and is interrupted at once. What that
changes: docs/measuring.md.
"""

import os
import select
import sys
from argparse import SUPPRESS, ArgumentParser

AWAKE = b"awake\n"
REST = b"rest\n"
"""Orders, on stdin. Each is repeated on stdout once it holds."""
STEPS_BETWEEN_LOOKS = 5_000
"""About 0.1 ms of computing between two looks for an order: a system call delays those who want the core."""


def spin() -> None:
    """Obey orders until stdin ends. Begins at rest."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    orders = os.fdopen(0, "rb", buffering=0)
    while order := orders.readline():
        sys.stdout.buffer.write(order)
        sys.stdout.buffer.flush()
        while order == AWAKE and not select.select([orders], (), (), 0)[0]:
            for _ in range(STEPS_BETWEEN_LOOKS):
                pass


def main() -> None:
    """Obey orders; exit 2 where the system has no such scheduling class."""
    parser = ArgumentParser(
        prog="python -m bench.runner.spinner",
        usage=SUPPRESS,
        description="Keeps its core awake. The bench starts it and sends it orders on stdin: awake, or rest.",
    )
    parser.parse_args()
    try:
        spin()
    except (AttributeError, OSError) as error:
        parser.error(f"this system cannot keep a core awake: {error}")


if __name__ == "__main__":
    main()
