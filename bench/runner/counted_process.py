"""A process under callgrind: what it executes between two dumps."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.callgrind.profile import NotAProfile, Profile, parse
from bench.callgrind.tool import Valgrind
from bench.machine import run_first
from bench.runner.processes import Child, ProcessFailed
from bench.runner.session import Session

ORDER_PRIORITY = 3
"""Of what sends a counted process its orders. Where processes of a priority take all of the CPUs' time, others get 5 %
of it (sched(7)), and on a busy machine share that."""
DUMP_TIMEOUT_S = 60.0


class NotCounted(Exception):
    """The counted side does not answer as it should. The text is one line."""


@dataclass(slots=True)
class CountedProcess:
    """A counted process, and where it writes its dumps."""

    session: Session
    valgrind: Valgrind
    directory: Path
    child: Child
    runs_first: bool = False
    """Whether nothing interrupts its threads."""
    empty: Profile | None = None
    """What a window without a request executes. It is no part of a request."""
    _dumps: int = 0

    async def start_counting(self) -> None:
        """Count from now on, with nothing else on the CPU where that is permitted. Raises ProcessFailed and Stopped.

        Threads then take turns in the same way every time, each until it waits. Otherwise one may be interrupted while
        it holds a lock, for which others spin: waiting, which would be counted as work.
        """
        self.runs_first = run_first(self.child.pid)
        await self._order(self.valgrind.start_counting(self.directory, self.child.pid))

    async def dumped(self) -> Profile:
        """What was executed since the last call. Raises NotCounted, ProcessFailed and Stopped."""
        await self._order(self.valgrind.dump(self.directory, self.child.pid))
        self._dumps += 1
        path = self.directory / f"dump.{self._dumps}"
        try:
            return parse(path.read_text(encoding="utf-8", errors="replace"))
        except OSError as error:
            raise NotCounted(f"callgrind wrote no {path.name}: {error.strerror or error}") from None
        except NotAProfile as error:
            raise NotCounted(f"callgrind wrote something else than a profile: {error}") from None
        finally:
            path.unlink(missing_ok=True)

    async def _order(self, command: Sequence[str]) -> None:
        try:
            priority = ORDER_PRIORITY if self.runs_first else None
            await self.session.unless_stopped(self.session.run_to_end("vgdb", command, DUMP_TIMEOUT_S, priority))
        except ProcessFailed as error:
            await self.child.raise_if_ended()
            raise error from None
