"""The programs of Valgrind: where they are, the commands that count, and how their failures are recognised."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
ENVIRONMENT: Mapping[str, str] = {
    "PYTHONHASHSEED": "0",
    "GLIBC_TUNABLES": f"glibc.cpu.x86_rep_movsb_threshold={_NEVER}:glibc.cpu.x86_rep_stosb_threshold={_NEVER}",
}
"""For counted processes. With random hashes, every start would execute a different number of instructions.

glibc copies a few kilobytes or more by one instruction, `rep movsb`, which callgrind counts once for each byte. Whether
it does that depends on where the memory is, which differs between starts. With vectors it executes one for every 16
bytes or so.
"""


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
