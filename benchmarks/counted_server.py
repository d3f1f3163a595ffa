"""A server whose instructions per request are counted with callgrind, without the rest of the bench."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.callgrind.profile import Profile, parse
from bench.callgrind.tool import Valgrind, counted_environment
from bench.clients.base import LoopClient
from bench.clients.registry import LIBRARY, load_client
from bench.load.in_turn import send_in_turn
from bench.machine import run_first
from bench.runner.processes import Wrapper
from bench.runner.session import Server, Session
from bench.workloads import Question
from commands.errors import UntrustedMeasurement
from consumers.client import ClientSettings
from consumers.target import parse_target

DUMP_TIMEOUT_S = 60.0
ALL_THREADS = 0
"""The number under which instructions of all threads are, where callgrind does not separate them."""


@dataclass(frozen=True, slots=True)
class Window:
    """What a request executes, on average over the requests of a window."""

    by_thread: Mapping[int, float]
    """Instructions by number of the thread, from 1 in the order of their start."""

    @property
    def instructions(self) -> float:
        """Of all threads."""
        return sum(self.by_thread.values())


class CountedServer:
    """One server under callgrind, and the client that asks it."""

    def __init__(self, session: Session, valgrind: Valgrind, directory: Path) -> None:
        """`directory`: an empty one, for what callgrind writes."""
        self._session = session
        self._valgrind = valgrind
        self._directory = directory
        self._dumps = 0

    async def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> Server:
        """Start the server. Raises ProcessFailed."""
        wrapper = Wrapper(self._valgrind.counting(self._directory), {**counted_environment(), **(environment or {})})
        server = await self._session.start_server(name, command, wrapper=wrapper)
        self._session.pin()
        return server

    async def count(
        self,
        protocol: str,
        server: Server,
        questions: Mapping[str, Question[Any]],
        *,
        requests: int,
        windows: int,
        first: bool = True,
    ) -> dict[str, list[Window]]:
        """So many windows of each question, by its name. `first`: let nothing interrupt the server's threads.

        Raises ProcessFailed, UntrustedMeasurement.
        """
        pid = server.child.pid
        settings = ClientSettings(target=parse_target(server.addresses[0]), connections=1, timeout_s=DUMP_TIMEOUT_S)
        client = load_client(LIBRARY, protocol, settings)
        assert isinstance(client, LoopClient)
        await client.open()
        if first and not run_first(pid):
            raise UntrustedMeasurement("SCHED_FIFO is not permitted; run it as root")
        try:
            await self._run(self._valgrind.start_counting(self._directory, pid))
            return {
                name: await self._windows(client, client.requests([question] * requests), windows, pid)
                for name, question in questions.items()
            }
        finally:
            await client.close()

    async def _windows(self, client: LoopClient, requests: Sequence[Any], windows: int, pid: int) -> list[Window]:
        await client.verify(requests[0])
        await self._send(client, requests, pid)
        await self._dumped(pid)
        await self._send(client, [], pid)
        empty = await self._dumped(pid)
        found = []
        for _ in range(windows):
            await self._send(client, requests, pid)
            counted = await self._dumped(pid)
            nothing = Profile()
            found.append(
                Window(
                    {
                        thread: (profile.instructions - empty.get(thread, nothing).instructions) / len(requests)
                        for thread, profile in counted.items()
                    }
                )
            )
        return found

    async def _send(self, client: LoopClient, requests: Sequence[Any], pid: int) -> None:
        turns = await send_in_turn(client, requests, 1, (pid,))
        if turns.failure is not None:
            raise UntrustedMeasurement(f"a request failed: {turns.failure}")

    async def _dumped(self, pid: int) -> dict[int, Profile]:
        """What was executed since the last call, by thread."""
        await self._run(self._valgrind.dump(self._directory, pid))
        self._dumps += 1
        found: dict[int, Profile] = {}
        for path in self._directory.glob(f"dump.{self._dumps}*"):
            named = re.fullmatch(rf"dump\.{self._dumps}(?:-(\d+))?", path.name)
            if named is not None:
                found[int(named[1] or ALL_THREADS)] = parse(path.read_text(encoding="utf-8", errors="replace"))
                path.unlink()
        return found

    async def _run(self, command: Sequence[str]) -> None:
        await self._session.run_to_end("vgdb", command, DUMP_TIMEOUT_S)


def middle(windows: Sequence[Window]) -> float:
    """Instructions per request: the median over windows."""
    return median(window.instructions for window in windows)
