"""Workers without a producer in them: what the parent does with processes that begin and end at the wrong moment."""

import asyncio
import os
import signal
import sys
from typing import Any

import pytest

from producers.workers import RESTARTS_IN_A_ROW, Workers

ANNOUNCES = [sys.executable, "-c", "import sys; print('listening x://', flush=True); sys.stdin.read()"]
FAILS = [sys.executable, "-c", "raise SystemExit(3)"]


async def test_a_stop_while_a_worker_is_being_started_ends_that_worker_too(monkeypatch: pytest.MonkeyPatch) -> None:
    create = asyncio.create_subprocess_exec
    started: list[asyncio.subprocess.Process] = []

    async def create_while_stopping(*command: str, **given: Any) -> asyncio.subprocess.Process:
        os.kill(os.getpid(), signal.SIGTERM)
        await workers._stopping.wait()
        started.append(await create(*command, **given))
        return started[-1]

    workers = Workers(1, ANNOUNCES, ports=1)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", create_while_stopping)
    async with asyncio.timeout(20):
        assert await workers.serve(lambda addresses: None) == 0
    assert [process.returncode for process in started] == [-signal.SIGTERM]


async def test_workers_that_never_listen_are_given_up(capfd: pytest.CaptureFixture[str]) -> None:
    async with asyncio.timeout(20):
        assert await Workers(1, FAILS, ports=1).serve(lambda addresses: None) == 1
    assert capfd.readouterr().err.count("ended with 3") == RESTARTS_IN_A_ROW
