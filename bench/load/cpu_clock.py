"""How much CPU time a process has used, in nanoseconds.

/proc counts in ticks of 10 ms, as long as a slice. On Linux the CPU clock of another process reads in nanoseconds: its
clock id is `(~pid << 3) | 2`, what clock_getcpuclockid(3) returns.
"""

import sys
from time import clock_gettime_ns


def process_cpu_ns(pid: int) -> int | None:
    """User and system time of all threads of `pid` so far; None where it cannot be read in nanoseconds."""
    if sys.platform != "linux":
        return None
    try:
        return clock_gettime_ns((~pid << 3) | 2)
    except OSError:
        return None
