"""What runs inside a Dask worker: it starts the lab's host process and passes lines between that and the bench.

It is sent to the worker as code, so the lab has to be on the worker's disk, and nothing of it is imported into the
worker. Only the standard library is used. Every function returns what went wrong as text: what one raised would be
written to the worker's log together with its arguments.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

LINE_LIMIT_BYTES = 1 << 28
"""Recipes of a file travel in one line."""
HOSTS = "recipe_lab_hosts"
"""The attribute of a Dask worker that holds the host processes, by the token of their bench."""


class Pipe:
    """A host process, and the replies that are still expected of it."""

    def __init__(self, process: asyncio.subprocess.Process, errors: Any, on_end: Callable[[], object]) -> None:
        """`errors`: the file with its stderr. `on_end` is called once it has ended."""
        self.process = process
        self.replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.ended: dict[str, Any] | None = None
        """What every request is replied to once the process has ended."""
        self.reading = asyncio.create_task(self.read(errors, on_end))

    async def read(self, errors: Any, on_end: Callable[[], object]) -> None:
        """Hand every line to whoever waits for its number; to all others how the process ended, once it has."""
        with errors:
            while line := await self.process.stdout.readline():  # type: ignore[union-attr]
                number, _, text = line.partition(b" ")
                reply = self.expected(int(number))
                if not reply.done():
                    reply.set_result({"line": text})
            code = await self.process.wait()
            errors.seek(0)
            last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
        self.ended = {"error": ": ".join([f"its host process ended with {code}", *last])}
        on_end()
        for reply in self.replies.values():
            if not reply.done():
                reply.set_result(self.ended)

    def expected(self, number: int) -> "asyncio.Future[dict[str, Any]]":
        """The reply with this number: its line, or an error."""
        if number not in self.replies:
            self.replies[number] = asyncio.get_running_loop().create_future()
        return self.replies[number]

    async def exchange(self, number: int, line: bytes = b"") -> dict[str, Any]:
        """Give a line to the process, if there is one, and return what it replies with the same number."""
        if self.ended is not None:
            return self.ended
        reply = self.expected(number)
        try:
            if line:
                self.process.stdin.write(b"%d %s" % (number, line))  # type: ignore[union-attr]
                await self.process.stdin.drain()  # type: ignore[union-attr]
        except (BrokenPipeError, ConnectionResetError):
            await asyncio.wait({self.reading})
        found = await reply
        self.replies.pop(number, None)
        return found

    async def end(self, seconds: float) -> None:
        """Close its stdin, upon which it ends what it has started, then itself; kill it when that takes longer."""
        self.process.stdin.close()  # type: ignore[union-attr]
        await asyncio.wait({self.reading}, timeout=seconds)
        if self.ended is None:
            with suppress(ProcessLookupError):
                self.process.kill()
            await asyncio.wait({self.reading})


def lab_directory() -> str | None:
    """The directory of the lab: a checkout in the working directory or on the Python path, or where it is installed."""
    for entry in (Path.cwd(), *map(Path, sys.path)):
        for directory in (entry, entry / "recipe_lab"):
            if (directory / "bench" / "cluster" / "host.py").is_file():
                return str(directory)
    return None


async def begin(token: str, lease_s: float, dask_worker: Any = None) -> dict[str, Any]:
    """Start a host process for the bench with this token. Returns the first line that it writes."""
    directory = lab_directory()
    if directory is None:
        return {
            "error": "the Recipe Lab is not on its Python path: install it there, or start the worker in a checkout"
        }
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
    given = os.environ.get("PYTHONPATH", "")
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "bench.cluster.host", "--lease", str(lease_s)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=LINE_LIMIT_BYTES,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (directory, given)))},
            start_new_session=True,
        )
    except OSError as error:
        errors.close()
        return {"error": f"its host process cannot be started: {error}"}
    hosts = vars(dask_worker).setdefault(HOSTS, {})
    hosts[token] = Pipe(process, errors, lambda: hosts.pop(token, None))
    first: dict[str, Any] = await hosts[token].exchange(0)
    return first


async def exchange(token: str, number: int, line: bytes, dask_worker: Any = None) -> dict[str, Any]:
    """Give a line to the host process, and return the one that it writes with the same number."""
    pipe = vars(dask_worker).get(HOSTS, {}).get(token)
    if pipe is None:
        return {"error": "its host process has ended"}
    found: dict[str, Any] = await pipe.exchange(number, line)
    return found


async def end(token: str, seconds: float, dask_worker: Any = None) -> None:
    """End the host process of this bench, and what it has started."""
    pipe = vars(dask_worker).get(HOSTS, {}).get(token)
    if pipe is not None:
        await pipe.end(seconds)
