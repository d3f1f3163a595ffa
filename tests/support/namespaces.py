"""Network namespaces that stand for machines: one in the middle, and others that reach only that one.

They have no name, so they are gone with the processes in them, whatever happens to the test.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep

PROGRAMS = ("ip", "unshare", "nsenter", "setpriv")
PATIENCE_S = 30.0
MIDDLE = "10.77.0.1"
"""The address of the namespace in the middle, from all others."""


class NoNamespaces(Exception):
    """This system has none, or not for this user. The text says why."""


def tied(command: Sequence[str]) -> list[str]:
    """The command, killed together with this process where the system can do that."""
    return [*(("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()), *command]


class Namespaces:
    """The namespaces. Commands run in them by what stands in front."""

    def __init__(self, holders: Sequence[int]) -> None:
        """`holders`: the processes that keep them, of the one in the middle first."""
        self._holders = holders

    def inside(self, number: int) -> list[str]:
        """What stands in front of a command that runs in a namespace; 0 is the one in the middle."""
        return ["nsenter", f"--net=/proc/{self._holders[number]}/ns/net", "--"]

    @staticmethod
    def address(number: int) -> str:
        """The address of an outer namespace."""
        return f"10.77.{number}.2"


@contextmanager
def namespaces(outer: int) -> Iterator[Namespaces]:
    """One namespace in the middle and so many outer ones, until the end of the block. Raises NoNamespaces."""
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        raise NoNamespaces(f"{', '.join(missing)} cannot be found")
    with ExitStack() as ending:
        holders = [ending.enter_context(_holder()) for _ in range(outer + 1)]
        made = Namespaces(holders)
        for number, holder in enumerate(holders):
            _run(*made.inside(number), "ip", "link", "set", "lo", "up")
            if number:
                here, there = f"to{number}", f"10.77.{number}.1"
                _run(*made.inside(0), *f"ip link add {here} type veth peer name link0 netns {holder}".split())
                _run(*made.inside(0), *f"ip address add {there}/24 dev {here}".split())
                _run(*made.inside(0), *f"ip link set {here} up".split())
                _run(*made.inside(number), *f"ip address add {made.address(number)}/24 dev link0".split())
                _run(*made.inside(number), "ip", "link", "set", "link0", "up")
                _run(*made.inside(number), *f"ip route add {MIDDLE} via {there}".split())
            else:
                _run(*made.inside(0), *f"ip address add {MIDDLE}/32 dev lo".split())
        yield made


@contextmanager
def _holder() -> Iterator[int]:
    """A process in a namespace of its own, by its id."""
    with subprocess.Popen(tied(["unshare", "--net", "cat"]), stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            until = monotonic() + PATIENCE_S
            while _namespace(process.pid) in (None, _namespace(os.getpid())):
                if process.poll() is not None:
                    assert process.stderr is not None
                    raise NoNamespaces(process.stderr.read().decode().strip())
                assert monotonic() < until, "unshare does not end"
                sleep(0.005)
            yield process.pid
        finally:
            process.kill()


def _namespace(pid: int) -> str | None:
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return None


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoNamespaces(f"{' '.join(command[3:])}: {done.stderr.strip()}")
