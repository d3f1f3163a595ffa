"""The session: every process that it starts has its cores, and has ended when the session ends in any way."""

import asyncio
import gc
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.load.messages import Setup
from bench.machine import Pinning, usable_cpus
from bench.plan import Addresses
from bench.runner.processes import KEEPS_MEMORY, ProcessFailed, Wrapper
from bench.runner.session import Session, Stopped
from consumers.target import Target
from tests.support.programs import nothing_left_running

NOT_PINNED = Pinning((), ())
SERVER = "import sys; print('listening http://127.0.0.1:1', flush=True); sys.stdin.read()"
needs_cores = pytest.mark.skipif(
    len(usable_cpus()) < 2 or not hasattr(os, "sched_setaffinity"), reason="needs two cores and a way to choose them"
)


def python(code: str) -> Sequence[str]:
    return [sys.executable, "-c", code]


class CancelledAt(Awaitable[None]):
    """Runs a coroutine, and cancels the task that awaits it when it is suspended for the nth time."""

    def __init__(self, work: Coroutine[Any, Any, None], number: int) -> None:
        self._work = work
        self._number = number
        self.suspended = 0

    def __await__(self) -> Generator[Any, Any, None]:
        running = self._work.__await__()
        while True:
            try:
                waits_for = next(running)
            except StopIteration:
                return
            self.suspended += 1
            if self.suspended == self._number:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                yield waits_for
            except BaseException as error:
                # Thrown into the coroutine where it is suspended; it may clean up and suspend itself again.
                yield from self._thrown(running, error)
                return

    @staticmethod
    def _thrown(running: Generator[Any, Any, None], error: BaseException) -> Generator[Any, Any, None]:
        while True:
            try:
                waits_for = running.throw(error)
            except StopIteration:
                return
            while True:
                try:
                    yield waits_for
                except BaseException as another:
                    error = another
                    break
                try:
                    waits_for = next(running)
                except StopIteration:
                    return


@needs_cores
async def test_concurrent_starts_pin_each_process_and_not_the_bench() -> None:
    first, *_, last = usable_cpus()
    own = os.sched_getaffinity(0)
    wanted = [{first}, {last}, {first, last}]
    sessions = [Session(Pinning(tuple(cores), ())) for cores in wanted]
    found: dict[int, set[int]] = {}

    async def start(number: int) -> None:
        async with sessions[number] as session:
            server = await session.start_server("a server", python(SERVER))
            session.pin()
            threads = psutil.Process(server.child.pid).threads()
            found[number] = set().union(*(os.sched_getaffinity(thread.id) for thread in threads))
            assert os.sched_getaffinity(0) == own

    async with asyncio.TaskGroup() as starting:
        for number in range(len(wanted)):
            starting.create_task(start(number))
    assert [found[number] for number in range(len(wanted))] == wanted
    assert os.sched_getaffinity(0) == own


async def several_processes() -> None:
    async with Session(NOT_PINNED) as session:
        await session.start_server("a server", python(SERVER))
        async with asyncio.TaskGroup() as starting:
            for _ in range(2):
                starting.create_task(session.start_server("another", python(SERVER)))
        await session.unless_stopped(session.start_server("the last", python(SERVER)))


async def test_a_session_that_is_cancelled_at_any_await_leaves_nothing_behind() -> None:
    unobserved: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unobserved.append(context))

    async def run(work: CancelledAt) -> None:
        await work

    number, cancelled = 0, True
    while cancelled:
        number += 1
        work = CancelledAt(several_processes(), number)
        with nothing_left_running():
            task = asyncio.create_task(run(work))
            await asyncio.wait({task})
        cancelled = task.cancelled()
        assert cancelled or task.result() is None
        assert cancelled == (work.suspended >= number)
    gc.collect()
    assert number > 5
    assert unobserved == []


def test_temporary_files_of_a_killed_process_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def found() -> list[Path]:
        return [*tmp_path.glob("*/*")]

    async def kill_one() -> list[Path]:
        async with Session(NOT_PINNED) as session:
            server = await session.start_server("a server", python(f"import tempfile; tempfile.mkdtemp(); {SERVER}"))
            left = found()
            server.child.kill()
        return left

    assert len(asyncio.run(kill_one())) == 1
    assert list(tmp_path.iterdir()) == []


async def test_a_session_that_ends_with_an_error_leaves_nothing_running() -> None:
    async def fails() -> None:
        async with Session(NOT_PINNED) as session:
            await session.start_server("a server", python(SERVER))
            raise ZeroDivisionError

    with nothing_left_running(), pytest.raises(ZeroDivisionError):
        await fails()


async def test_a_server_that_ends_before_it_listens_is_named_with_its_output() -> None:
    with nothing_left_running():
        async with Session(NOT_PINNED) as session:
            with pytest.raises(ProcessFailed, match="the server ended with 1: no way"):
                await session.start_server("the server", python("import sys; sys.exit('no way')"))


async def test_finished_work_is_kept_on_a_stop() -> None:
    stop = asyncio.Event()

    async def finishes() -> str:
        stop.set()
        return "finished"

    async with Session(NOT_PINNED, stop) as session:
        assert await session.unless_stopped(finishes()) == "finished"
        with pytest.raises(Stopped):
            await session.unless_stopped(finishes())


async def test_an_error_during_the_stop_is_raised() -> None:
    stop = asyncio.Event()

    async def fails() -> None:
        stop.set()
        raise ProcessFailed("it ended")

    async with Session(NOT_PINNED, stop) as session:
        with pytest.raises(ProcessFailed, match="it ended"):
            await session.unless_stopped(fails())


@pytest.mark.parametrize("ask", [lambda stop: stop.set(), lambda stop: asyncio.get_running_loop().call_soon(stop.set)])
async def test_unfinished_work_is_cancelled_on_a_stop(
    ask: Callable[[asyncio.Event], object],
) -> None:
    stop = asyncio.Event()
    async with Session(NOT_PINNED, stop) as session:
        ask(stop)
        with pytest.raises(Stopped):
            await session.unless_stopped(asyncio.sleep(3600))


@pytest.mark.skipif(sys.platform != "linux", reason="reads the environment of another process: Linux only")
async def test_load_processes_keep_freed_memory_whatever_runs_them() -> None:
    setup = Setup(
        protocol="http",
        direct=Addresses(Target("127.0.0.1", 1)),
        recipes="generated:1",
        ids=[1],
        known=True,
        timeout_s=1.0,
    )
    async with Session(NOT_PINNED) as session:
        load = await session.start_load(setup, Wrapper(environment={"PYTHONHASHSEED": "0"}))
        variables = psutil.Process(load.child.pid).environ()
    assert {**variables, **KEEPS_MEMORY, "PYTHONHASHSEED": "0"} == variables
