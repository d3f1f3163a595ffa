"""The programs of Valgrind: where they are, the commands that count, and how their failures are recognised."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

VALGRIND, VGDB = "valgrind", "vgdb"
INVOKE_MS = 10
"""How long vgdb waits for a process to notice a command by itself. An idle one waits in a system call, and has to be
interrupted."""


class ToolMissing(Exception):
    """Valgrind is not installed, or does not run. The text says so in one line."""


@dataclass(frozen=True, slots=True)
class Valgrind:
    """An installed Valgrind."""

    valgrind: str
    vgdb: str
    version: str
    """As in `3.19.0`."""
    flags: tuple[str, ...] = ()
    """More flags of callgrind."""

    def counting(self, directory: Path) -> tuple[str, ...]:
        """What stands before the command of a process whose instructions are counted.

        Counting begins when `start_counting` is sent. What is dumped goes into `directory`.
        """
        return (
            self.valgrind,
            "--tool=callgrind",
            # Only errors on stderr, so that its last line is one.
            "-q",
            "--instr-atstart=no",
            "--collect-systime=yes",
            f"--callgrind-out-file={directory / 'dump'}",
            f"--vgdb-prefix={directory / 'vgdb'}",
            *self.flags,
        )

    def start_counting(self, directory: Path, pid: int) -> list[str]:
        """The command that lets a process count from now on."""
        return [*self._vgdb(directory, pid), "instrumentation", "on"]

    def dump(self, directory: Path, pid: int) -> list[str]:
        """The command that lets a process write what it counted since the last dump, and start again from zero."""
        return [*self._vgdb(directory, pid), "dump"]

    def _vgdb(self, directory: Path, pid: int) -> list[str]:
        return [self.vgdb, f"--vgdb-prefix={directory / 'vgdb'}", f"--pid={pid}", f"--max-invoke-ms={INVOKE_MS}"]


FOLLOW = "--trace-children=yes"
"""A flag for a program that becomes another one, such as a script that starts it: that is counted then."""
_NEVER = 1 << 30
COPIES: Mapping[str, str] = {
    "GLIBC_TUNABLES": f"glibc.cpu.x86_rep_movsb_threshold={_NEVER}:glibc.cpu.x86_rep_stosb_threshold={_NEVER}"
}
"""How glibc copies in counted processes: with vectors, which executes one instruction for every 16 bytes or so.

It copies a few kilobytes or more by one instruction otherwise, `rep movsb`, which callgrind counts once for each byte.
Whether it does that depends on where the memory is, which differs between starts.
"""
PADDING_AT_MOST = 200
PADDING_BYTES_AT_MOST = 512
"""Variables of the environment that move what is in memory behind them, and the length of each."""


def counted_environment(instance: int = 1) -> dict[str, str]:
    """For counted processes of an instance, by its number from 1.

    Processes of one instance have the same hashes of strings, and as much in memory before the program begins. With
    random hashes, every start would execute a different number of instructions. Instances differ in both. Any change of
    code may move objects in memory, and with them what dictionaries cost that requests use, so a value from one such
    arrangement would show changes that the next one does not.
    """
    random = Random(instance)
    variables = 0 if instance == 1 else random.randrange(PADDING_AT_MOST)
    padding = {f"PADDING_{number}": "x" * random.randrange(PADDING_BYTES_AT_MOST) for number in range(variables)}
    return {"PYTHONHASHSEED": str(instance - 1), **COPIES, **padding}


def installed() -> Valgrind:
    """The Valgrind of this machine. Raises ToolMissing."""
    found = {name: shutil.which(name) for name in (VALGRIND, VGDB)}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise ToolMissing(f"{' and '.join(missing)} not found; install the package valgrind")
    valgrind, vgdb = found[VALGRIND], found[VGDB]
    assert valgrind is not None
    assert vgdb is not None
    try:
        said = subprocess.run([valgrind, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolMissing(f"{valgrind} does not run ({error}); install the package valgrind again") from None
    return Valgrind(valgrind, vgdb, said.strip().removeprefix("valgrind-"))
