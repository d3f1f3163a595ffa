"""The h2load client: nghttp2's load generator, for producers that are faster than anything that runs in Python.

One slice is one run of the program, whose per-request log says how long each answer took, to the microsecond. It looks
at the status of HTTP only. So the raw client proves all answers before, and one after each slice.
"""

import asyncio
import resource
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Literal

from bench.clients.base import ProgramClient, Request
from bench.clients.h2load_log import BadLog, LoggedRequest, keep, read_log
from bench.clients.raw import RawClient
from bench.clients.raw_calls import ProgramRequest
from bench.load.record import SliceRecord
from bench.workloads import Question
from consumers.client import ClientSettings, RecipeClient

PROGRAM = "h2load"
SLICE_AT_LEAST_NS = 200_000_000
"""Starting the program and its connections takes milliseconds, which must not be what is measured."""
URIS_AT_MOST = 256
STOP_S = 5.0


class H2loadClient(ProgramClient):
    """Measures closed loops. HTTP/1.1 on as many connections, HTTP/2 on as many streams of one, as are in flight."""

    checks: ClassVar[Literal["answer", "status"]] = "status"

    def __init__(self, protocol: str, settings: ClientSettings) -> None:
        super().__init__(protocol, settings)
        self._wire = RawClient(protocol, settings)

    @classmethod
    def why_unusable(cls, *, open_loop: bool, new_connections: bool) -> str | None:
        """It has to be installed, and cannot let requests fall due."""
        if open_loop:
            return "it keeps requests in flight and cannot let them fall due; leave --rate out"
        if new_connections:
            return super().why_unusable(open_loop=open_loop, new_connections=new_connections)
        if shutil.which(PROGRAM) is None:
            return f"the program {PROGRAM} is not installed; install nghttp2 (Debian: nghttp2-client), or use wire"
        return None

    @property
    def consumer(self) -> RecipeClient:
        """The consumer over the raw client's connections."""
        return self._wire.consumer

    async def open(self) -> None:
        """Make the raw client ready. Raises ProducerUnreachable."""
        await self._wire.open()

    async def close(self) -> None:
        """Close the raw client's connections; the program keeps none between slices."""
        await self._wire.close()

    def requests(self, questions: Sequence[Question[Any]]) -> Sequence[Request]:
        """The raw client's requests."""
        return self._wire.requests(questions)

    async def prove(self, request: Request) -> None:
        """Have the raw client ask and compare."""
        await self._wire.prove(request)

    def cpu_ns(self) -> int:
        """CPU time of all runs of the program so far."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return round((used.ru_utime + used.ru_stime) * 1e9)

    async def run_slice(
        self,
        requests: Iterator[Request],
        *,
        in_flight: int,
        duration_ns: int,
        requests_at_least: int,
        record: SliceRecord,
    ) -> int:
        """Run the program once. A slice is as long as it needs to be, and has what requests fit in."""
        asked = [self._wire.calls.program_request(request.content) for request in islice(requests, URIS_AT_MOST)]
        with tempfile.TemporaryDirectory(prefix="recipe-lab-h2load-") as aside:
            log = Path(aside, "requests.tsv")
            command = self._command(asked, Path(aside), log, in_flight, max(duration_ns, SLICE_AT_LEAST_NS))
            problem = await self._run(command, max(duration_ns, SLICE_AT_LEAST_NS) / 1e9)
            try:
                logged = _logged(log)
            except BadLog as error:
                logged, problem = [], str(error)
        elapsed_ns = keep(logged, record)
        if problem or not logged:
            record.fail("client_error", problem or "h2load measured nothing")
        return elapsed_ns or max(duration_ns, SLICE_AT_LEAST_NS)

    def _command(
        self, asked: Sequence[ProgramRequest], aside: Path, log: Path, in_flight: int, duration_ns: int
    ) -> list[str]:
        target = self.settings.target
        base = f"{'https' if target.tls else 'http'}://{target.authority}"
        first = asked[0]
        clients, streams = (1, in_flight) if self._wire.calls.multiplexes else (in_flight, 1)
        command = [PROGRAM, f"--clients={clients}", f"--max-concurrent-streams={streams}"]
        command += [f"--duration={max(1, duration_ns // 1_000_000)}ms", f"--log-file={log}"]
        command += [] if self._wire.calls.multiplexes else ["--h1"]
        command += [f"--header={name}: {value}" for name, value in first.fields]
        if first.method == "GET":
            uris = aside / "uris"
            uris.write_text("".join(f"{base}{request.path}\n" for request in asked))
            return [*command, f"--input-file={uris}"]
        # Of a request with a body the program can send one only: another one in every slice.
        body = aside / "body"
        body.write_bytes(first.body)
        return [*command, f"--data={body}", f"{base}{first.path}"]

    async def _run(self, command: Sequence[str], duration_s: float) -> str:
        """Run to its end; what went wrong, or nothing. It is killed when it takes too long."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, said = await asyncio.wait_for(process.communicate(), duration_s + self.settings.timeout_s + STOP_S)
        except TimeoutError:
            return "h2load did not end"
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        lines = said.decode(errors="replace").strip().splitlines()
        return f"h2load ended with {process.returncode}: {' '.join(lines[-1:])}" if process.returncode else ""


def _logged(log: Path) -> list[LoggedRequest]:
    """What the program wrote, which is no file at all when it did not get so far. Raises BadLog."""
    return read_log(log.read_text()) if log.is_file() else []
