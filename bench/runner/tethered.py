"""A program that is killed when its parent has ended.

Programs that are not the lab's know nothing of the stdin that the lab's own children watch. Linux kills a process for
it when the parent is gone (PR_SET_PDEATHSIG of prctl(2)), which also holds for the program that takes its place.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
BECOME = "from bench.runner.tethered import become; become()"


def command(output: str, program: list[str]) -> list[str]:
    """What starts a program as a child of this process, with stdout appended to a file."""
    return [sys.executable, "-P", "-c", BECOME, str(os.getpid()), output, *program]


def become() -> None:
    """Become the program that the arguments name, as `command` has them."""
    parent, output, *program = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != int(parent):
        sys.exit("the parent has ended")
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, sys.stdout.fileno())
    os.execv(program[0], program)  # noqa: S606 - no shell is wanted
