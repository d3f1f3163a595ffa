"""What runs inside a Dask worker, without Dask: it starts a host process, passes lines, and forgets what has ended."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.cluster import pipe
from bench.cluster.messages import Planned, Ready, Renew, decode_reply, encode
from recipes.installation import ROOT


@pytest.fixture
def worker() -> Any:
    return SimpleNamespace()


async def begun(worker: Any) -> int:
    """A host process, by its id."""
    found = await pipe.begin("token", 60.0, dask_worker=worker)
    assert isinstance(decode_reply(found["line"]), Ready), found
    process_id: int = worker.recipe_lab_hosts["token"].process.pid
    return process_id


async def test_lines_go_to_the_host_process_and_its_replies_come_back(worker: Any) -> None:
    await begun(worker)
    for number in (1, 2):
        found = await pipe.exchange("token", number, encode(Renew()), dask_worker=worker)
        assert decode_reply(found["line"]) == Planned()
    await pipe.end("token", 60.0, dask_worker=worker)
    assert worker.recipe_lab_hosts == {}
    assert await pipe.exchange("token", 3, encode(Renew()), dask_worker=worker) == {
        "error": "its host process has ended"
    }
    await pipe.end("token", 60.0, dask_worker=worker)


async def test_whoever_waits_gets_to_know_that_the_host_process_has_ended(worker: Any) -> None:
    process_id = await begun(worker)
    waiting = asyncio.create_task(worker.recipe_lab_hosts["token"].exchange(7))
    await asyncio.sleep(0)
    os.kill(process_id, signal.SIGKILL)
    assert await waiting == {"error": "its host process ended with -9"}
    assert worker.recipe_lab_hosts == {}


async def test_the_last_line_of_its_stderr_is_the_reason(worker: Any) -> None:
    await begun(worker)
    found = await pipe.exchange("token", 1, b"hello\n", dask_worker=worker)
    assert found["error"].startswith("its host process ended with 2: python -m bench.cluster.host: error: stdin: ")


async def test_a_machine_without_the_lab_says_what_to_do(
    worker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    found = await pipe.begin("token", 60.0, dask_worker=worker)
    assert found["error"].startswith("the Recipe Lab is not on its Python path")


def test_the_lab_is_found_in_a_checkout_and_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", ["/nowhere"])
    monkeypatch.chdir(ROOT)
    assert pipe.lab_directory() == str(ROOT)
    installed = tmp_path / "recipe_lab" / "bench" / "cluster"
    installed.mkdir(parents=True)
    (installed / "host.py").touch()
    monkeypatch.chdir("/")
    monkeypatch.setattr(sys, "path", ["/nowhere", str(tmp_path)])
    assert pipe.lab_directory() == str(tmp_path / "recipe_lab")


def test_what_is_sent_to_a_worker_needs_nothing_of_the_lab_there(tmp_path: Path) -> None:
    cloudpickle = pytest.importorskip("cloudpickle", reason="Dask is not installed: make setup-cluster")
    cloudpickle.register_pickle_by_value(pipe)
    try:
        sent = cloudpickle.dumps([pipe.begin, pipe.exchange, pipe.end])
    finally:
        cloudpickle.unregister_pickle_by_value(pipe)
    code = "import pickle, sys; print(len(pickle.loads(sys.stdin.buffer.read())), 'bench' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, cwd=tmp_path, check=False)
    assert done.stdout == b"3 False\n", done.stderr
