"""A running front: its program found and started, its statistics asked for."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from bench.front_programs import program_of, why_not_installed
from bench.fronts import registry
from bench.fronts.counts import BadStatistics, Counts
from bench.fronts.front import Front, Question
from bench.fronts.plan import CA, CERTIFICATE, FrontPlan
from bench.runner import tethered
from bench.runner.forwarding import forwards
from bench.runner.processes import Child, ProcessFailed, Wrapper
from consumers.target import Target
from producers.certificates import CertificateFiles

HOST = "127.0.0.1"
READY_WITHIN_S = 60.0
ATTEMPT_S = 5.0
"""For one attempt to get through."""
BETWEEN_ATTEMPTS_S = 0.02
STATISTICS_S = 10.0
PORTS_TRIED = 5
OUTPUT = "output.log"
"""In a front's directory: what its program printed, with the access log of those that print it."""
PRIVATE = 0o600

_versions: dict[str, str] = {}
"""By program: what was found before."""

StartChild = Callable[[str, Sequence[str]], Awaitable[Child]]


@dataclass(frozen=True, slots=True)
class RunningFront:
    """A front of the session."""

    child: Child
    front: Front
    plan: FrontPlan
    """With the address that it listens on."""
    directory: Path
    """Its configuration, sockets and logs."""
    version: str

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.child.pid

    @property
    def target(self) -> Target:
        """Its address."""
        host, _, port = self.plan.address.rpartition(":")
        return Target(host, int(port), tls=self.plan.serves_tls)

    @property
    def reason(self) -> str:
        """Why its program failed, as `: …`; empty when it wrote nothing to stderr."""
        found = self.front.reason(self.child.last_errors())
        return f": {found}" if found else ""

    async def counts(self) -> Counts:
        """What it has counted since it was started. Raises ProcessFailed."""
        try:
            async with asyncio.timeout(STATISTICS_S):
                answers = [await self._answer(question) for question in self.front.questions(self.plan)]
            return self.front.counts(self.plan, answers)
        except (TimeoutError, OSError, BadStatistics) as error:
            reason = str(error) or f"no answer within {STATISTICS_S:g} s"
            raise ProcessFailed(f"{self.child.name} has counts that cannot be read: {reason}") from None

    async def _answer(self, question: Question) -> bytes:
        path = self.directory / question.name
        if not question.request:
            return await asyncio.to_thread(path.read_bytes)
        reader, writer = await asyncio.open_unix_connection(str(path))
        try:
            writer.write(question.request)
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()


async def version_of(front: Front, program: str) -> str:
    """The version that its program prints; empty where it prints none."""
    if program in _versions:
        return _versions[program]
    try:
        process = await asyncio.create_subprocess_exec(
            *(program, front.version_flag),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError:
        # Not a program of this system. Starting it gives the reason.
        return ""
    try:
        async with asyncio.timeout(STATISTICS_S):
            printed, _ = await process.communicate()
    except TimeoutError:
        return ""
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return _versions.setdefault(program, front.version(printed.decode(errors="replace")))


async def versions_of(names: Iterable[str]) -> dict[str, str]:
    """The versions of these fronts, by name. Those that are not installed are missing."""
    found = {}
    for name in names:
        front = registry.front(name)
        if (program := program_of(front)) is not None:
            found[name] = await version_of(front, program)
    return found


async def start(
    front: Front, plan: FrontPlan, directory: Path, certificates: Path | None, wrapper: Wrapper, start_child: StartChild
) -> RunningFront:
    """Start it on a free port and wait until it forwards. Raises ProcessFailed.

    `start_child` starts a named command as a child of the session. `directory` is empty, and the front's own.
    `wrapper`: what stands before its command.
    """
    row = registry.FRONTS[front.name]
    if (reason := front.why_not(plan) or why_not_installed(front)) is not None:
        raise ProcessFailed(f"{row.title}: {reason}")
    program = program_of(front)
    assert program is not None
    await asyncio.to_thread(_put_certificates, plan, directory, certificates)
    version = await version_of(front, program)
    for _ in range(PORTS_TRIED):
        plan = replace(plan, address=f"{HOST}:{free_port()}")
        await asyncio.to_thread(_put_configuration, front, plan, directory)
        run = [*wrapper.command, *front.command(program, str(directory))]
        command = tethered.command(str(directory / OUTPUT), run)
        child = await start_child(f"the front {row.title}", command)
        running = RunningFront(child, front, plan, directory, version)
        if await _ready(running):
            return running
        # It has ended. Somebody else may have taken the port that was free before.
        if not is_taken(running.target.port):
            break
    raise ProcessFailed(f"{child.name} ended with {child.process.returncode} before it forwarded{running.reason}")


async def _ready(running: RunningFront) -> bool:
    """Wait until it forwards. False when it has ended. Raises ProcessFailed when it does not forward in time."""
    plan, ca = running.plan, running.directory / CA
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            while running.child.alive:
                with suppress(OSError, psutil.Error):
                    # Otherwise another process that has taken its port might answer.
                    if await asyncio.to_thread(listens, running.pid, running.target.port) and await forwards(
                        running.target, plan.row, ca if plan.serves_tls else None, ATTEMPT_S
                    ):
                        return True
                await asyncio.sleep(BETWEEN_ATTEMPTS_S)
    except TimeoutError:
        name, reason = running.child.name, running.reason
        raise ProcessFailed(f"{name} forwarded no request within {READY_WITHIN_S:g} s{reason}") from None
    return False


def free_port() -> int:
    """A port that is free now. A proxy cannot choose one by itself."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def listens(pid: int, port: int) -> bool:
    """Whether a process listens on a port. Raises psutil.Error where the system does not say."""
    listening = psutil.Process(pid).net_connections("tcp")
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in listening)


def is_taken(port: int) -> bool:
    """Whether nobody can listen on a port now."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return True
    return False


def _put_certificates(plan: FrontPlan, directory: Path, certificates: Path | None) -> None:
    if certificates is None:
        assert plan.tls_at == "none", "TLS needs certificates"
        return
    files = CertificateFiles(certificates)
    (directory / CA).write_bytes(files.ca.read_bytes())
    if plan.client_tls:
        joined = directory / CERTIFICATE
        joined.touch(PRIVATE)
        joined.write_bytes(files.server.read_bytes() + files.server_key.read_bytes())


def _put_configuration(front: Front, plan: FrontPlan, directory: Path) -> None:
    for name, content in front.render(plan, str(directory)).items():
        (directory / name).write_text(content)
