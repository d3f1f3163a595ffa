"""The h2load client: nghttp2's load generator, for producers that are faster than any client written in Python.

One slice is one run of the program. Its log has the duration of each request in microseconds. It checks only the HTTP
status, so the raw client verifies all responses before the run and one response after each slice.
"""

import asyncio
import resource
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Literal

from bench import protocols
from bench.clients.base import ProgramClient, ProgramFailed, ProgramSlice, Request
from bench.clients.raw import RawClient
from bench.clients.raw_calls import ProgramRequest
from bench.workloads import Question
from consumers import causes
from consumers.client import ClientSettings, RecipeClient
from consumers.errors import OperationUnsupported, ProducerUnreachable, UnexpectedResponse

PROGRAM = "h2load"
SLICE_AT_LEAST_NS = 200_000_000
"""Starting the program and its connections takes milliseconds, which must stay a small part of a slice."""
URIS_AT_MOST = 256
STOP_S = 5.0
NO_ANSWER = -1
"""The status that h2load logs for a request without a complete response."""


class BadLog(ValueError):
    """The log has a line that is not in h2load's format."""


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One line of the log."""

    started_us: int
    """Since the epoch."""
    status: int
    """The HTTP status, or NO_ANSWER."""
    duration_us: int


def read_log(text: str) -> list[LoggedRequest]:
    """The requests in a log: tab-separated start, status, duration. Raises BadLog."""
    found = []
    for line in text.splitlines():
        try:
            started, status, duration = line.split("\t")[:3]
            found.append(LoggedRequest(int(started), int(status), int(duration)))
        except ValueError:
            raise BadLog(f"h2load's log has the line {line[:80]!r}, which cannot be read") from None
    return found


def slice_of(requests: Sequence[LoggedRequest], trouble: str, duration_ns: int) -> ProgramSlice:
    """The slice that a log describes.

    `trouble` is what went wrong with the program, empty for nothing. The slice lasts `duration_ns` where the log does
    not say how long it was.
    """
    failures: list[Exception] = [error for error in map(_failure, requests) if error is not None]
    if trouble or not requests:
        failures.append(ProgramFailed(trouble or "h2load measured nothing"))
    if requests:
        ended_us = max(request.started_us + request.duration_us for request in requests)
        duration_ns = (ended_us - min(request.started_us for request in requests)) * 1000 or duration_ns
    return ProgramSlice(
        duration_ns=duration_ns,
        latency_ns=[request.duration_us * 1000 for request in requests if _failure(request) is None],
        failures=failures,
    )


def _logged(log: Path) -> list[LoggedRequest]:
    """The requests in the log. A program that failed early leaves none. Raises BadLog."""
    return read_log(log.read_text()) if log.is_file() else []


def _failure(request: LoggedRequest) -> Exception | None:
    if request.status == NO_ANSWER:
        return ProducerUnreachable("h2load received no complete response")
    if 200 <= request.status < 300:
        return None
    return UnexpectedResponse(causes.of_status(request.status))


class H2loadClient(ProgramClient):
    """Measures closed loops.

    With n requests in flight it uses n connections (HTTP/1.1) or n streams on one connection (HTTP/2), but no more
    streams than the producer allows.
    """

    checks: ClassVar[Literal["answer", "status"]] = "status"

    def __init__(self, protocol: str, settings: ClientSettings) -> None:
        super().__init__(protocol, settings)
        self._raw = RawClient(protocol, settings)

    @classmethod
    def why_unusable(cls, *, open_loop: bool, new_connections: bool) -> str | None:
        """It must be installed, and it has no open loop."""
        if open_loop:
            return "it has no open loop; leave --rate out"
        if new_connections:
            return super().why_unusable(open_loop=open_loop, new_connections=new_connections)
        if shutil.which(PROGRAM) is None:
            return (
                f"the program {PROGRAM} is not installed; install nghttp2 (Debian: nghttp2-client), or use --client raw"
            )
        return None

    @property
    def consumer(self) -> RecipeClient:
        """The consumer over the raw client's connections."""
        return self._raw.consumer

    async def open(self) -> None:
        """Open the raw client. Raises ProducerUnreachable, and OperationUnsupported for what the program cannot do."""
        if secret := [header.name for header in self.settings.headers if not header.on_command_line]:
            raise OperationUnsupported(
                f"h2load takes headers on its command line only, where others can read the value of {secret[0]}; "
                "use --client raw"
            )
        if self.settings.client_certificate is not None:
            raise OperationUnsupported("h2load has no certificate of its own; use --client raw")
        await self._raw.open()

    async def close(self) -> None:
        """Close the raw client's connections. The program keeps none between slices."""
        await self._raw.close()

    def requests(self, questions: Sequence[Question[Any]]) -> Sequence[Request]:
        """The raw client's requests."""
        return self._raw.requests(questions)

    async def verify(self, request: Request) -> None:
        """Have the raw client send the request and compare the response."""
        await self._raw.verify(request)

    def cpu_ns(self) -> int:
        """CPU time of all runs of the program so far."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return round((used.ru_utime + used.ru_stime) * 1e9)

    async def run_slice(self, requests: Iterator[Request], *, in_flight: int, duration_ns: int) -> ProgramSlice:
        """Run the program once, for at least SLICE_AT_LEAST_NS."""
        duration_ns = max(duration_ns, SLICE_AT_LEAST_NS)
        asked = [self._raw.calls.program_request(request.content) for request in islice(requests, URIS_AT_MOST)]
        with tempfile.TemporaryDirectory(prefix="recipe-lab-h2load-") as aside:
            log = Path(aside, "requests.tsv")
            trouble = await self._run(self._command(asked, Path(aside), log, in_flight, duration_ns), duration_ns / 1e9)
            try:
                logged = _logged(log)
            except BadLog as error:
                logged, trouble = [], str(error)
        return slice_of(logged, trouble, duration_ns)

    def _command(
        self, asked: Sequence[ProgramRequest], aside: Path, log: Path, in_flight: int, duration_ns: int
    ) -> list[str]:
        target = self.settings.target
        base = f"{'https' if target.tls else 'http'}://{target.authority}"
        first = asked[0]
        # Before it has read the producer's SETTINGS, the program sends more than they allow, and these are refused.
        streams_at_most = min(in_flight, self._raw.requests_at_most or in_flight)
        multiplexes = protocols.protocol(self.protocol).multiplexes
        clients, streams = (1, streams_at_most) if multiplexes else (in_flight, 1)
        command = [PROGRAM, f"--clients={clients}", f"--max-concurrent-streams={streams}"]
        command += [] if self.settings.via is None else [f"--connect-to={self.settings.via.authority}"]
        command += [f"--duration={max(1, duration_ns // 1_000_000)}ms", f"--log-file={log}"]
        command += [] if multiplexes else ["--h1"]
        command += [f"--header={name}: {value}" for name, value in first.fields]
        if first.method == "GET":
            uris = aside / "uris"
            uris.write_text("".join(f"{base}{request.path}\n" for request in asked))
            return [*command, f"--input-file={uris}"]
        # The program sends the same body in all requests of a run, so each slice uses another one.
        body = aside / "body"
        body.write_bytes(first.body)
        return [*command, f"--data={body}", f"{base}{first.path}"]

    async def _run(self, command: Sequence[str], duration_s: float) -> str:
        """Run the program to its end, and kill it when it takes too long. Returns what went wrong, or nothing."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, errors = await asyncio.wait_for(process.communicate(), duration_s + self.settings.timeout_s + STOP_S)
        except TimeoutError:
            return "h2load did not end"
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        lines = errors.decode(errors="replace").strip().splitlines()
        return f"h2load ended with {process.returncode}: {' '.join(lines[-1:])}" if process.returncode else ""
