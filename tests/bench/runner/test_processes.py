"""A child process: pinned with all that it started; signalled without taking its exit status from the event loop."""

import asyncio
import logging
import os
import platform
import sys
from collections.abc import Iterator, Sequence

import psutil
import pytest

from bench.machine import usable_cpus
from bench.runner.processes import KEEPS_MEMORY, UNWRAPPED, Child, Wrapper

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads states of processes: Linux only")
needs_cpus = pytest.mark.skipif(
    len(usable_cpus()) < 2 or not hasattr(os, "sched_setaffinity"), reason="needs two CPUs and a way to choose them"
)
PARENT_OF_TWO = """
import subprocess, sys, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
subprocess.run([sys.executable, "-c", sys.argv[1]])
"""
PARENT_OF_ONE = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"])
print("ready", flush=True)
child.wait()
"""
PAGE_FAULTS_OF_TEN_ROUNDS = """
import resource
def allocate():
    blocks = [b"x" * (1 << 20) for _ in range(4)]
for _ in range(10):
    allocate()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    allocate()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, flush=True)
"""
PAGES_OF_A_ROUND = 4 * (1 << 20) // os.sysconf("SC_PAGE_SIZE")


def python(code: str) -> Sequence[str]:
    return [sys.executable, "-c", code]


@pytest.fixture
def watcher_without_threads() -> Iterator[None]:
    """The way in which Python 3.12 and later notice that a child has ended: in the event loop, not in a thread."""
    if sys.version_info >= (3, 12):
        yield
        return
    policy = asyncio.get_event_loop_policy()
    before = policy.get_child_watcher()
    policy.set_child_watcher(asyncio.PidfdChildWatcher())
    yield
    policy.set_child_watcher(before)


def wait_until_it_has_exited(pid: int) -> None:
    """Without a turn of the event loop, so that the exit status is still to be read."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


@needs_linux
@pytest.mark.usefixtures("watcher_without_threads")
async def test_ending_a_child_that_has_just_exited_keeps_its_exit_code(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "asyncio"):
        child = await Child.start("the child", python("raise SystemExit(7)"), ())
        wait_until_it_has_exited(child.pid)
        await child.end()
    assert child.process.returncode == 7
    assert caplog.messages == []


@needs_linux
@pytest.mark.usefixtures("watcher_without_threads")
async def test_killing_a_child_twice_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "asyncio"):
        child = await Child.start("the child", python("input()"), ())
        child.kill()
        wait_until_it_has_exited(child.pid)
        child.kill()
        await child.end()
        child.kill()
    assert child.process.returncode == -9
    assert caplog.messages == []


@needs_cpus
async def test_a_child_is_pinned_with_its_threads_and_the_processes_that_it_started() -> None:
    first, *_, last = usable_cpus()
    child = await Child.start("the child", [*python(PARENT_OF_TWO), PARENT_OF_ONE], (first, last))
    try:
        assert await child.line(60) == b"ready\n"
        family = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
        tasks = [thread.id for process in family for thread in process.threads()]
        assert len(family) == 3
        assert len(tasks) >= 4
        assert [os.sched_getaffinity(task) for task in tasks] == [{first, last}] * len(tasks)
        child.pin([last])
        assert [os.sched_getaffinity(task) for task in tasks] == [{last}] * len(tasks)
        child.pin([])
        assert os.sched_getaffinity(child.pid) == {last}
    finally:
        for process in psutil.Process(child.pid).children(recursive=True):
            process.kill()
        child.kill()
        await child.end()


@needs_cpus
async def test_pinning_a_child_that_has_ended_does_nothing() -> None:
    child = await Child.start("the child", python(""), ())
    await child.process.wait()
    child.pin(usable_cpus()[:1])
    await child.end()
    assert child.process.returncode == 0


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the variables are those of glibc")
async def test_a_process_with_these_variables_keeps_the_memory_that_it_has_freed() -> None:
    async def page_faults(wrapper: Wrapper) -> int:
        child = await Child.start("the child", python(PAGE_FAULTS_OF_TEN_ROUNDS), (), wrapper=wrapper)
        try:
            return int(await child.line(60))
        finally:
            await child.end()

    assert await page_faults(UNWRAPPED) > 5 * PAGES_OF_A_ROUND
    assert await page_faults(Wrapper(environment=KEEPS_MEMORY)) < PAGES_OF_A_ROUND
