"""The host process on a worker's machine, without Dask: what it starts ends with it, and it ends by itself."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from bench.cluster.files import files_of, with_files
from bench.cluster.lab_code import SENDING, digest
from bench.cluster.messages import (
    Answered,
    Await,
    Failed,
    Give,
    Plan,
    Planned,
    Ready,
    Renew,
    Reply,
    Request,
    Start,
    decode_reply,
    encode,
    raw,
)
from bench.load import messages
from bench.load_models import ClosedLoad
from bench.plan import Addresses
from bench.slices import Slice
from bench.spec import CellKey
from consumers.access import Access
from consumers.registry import target_for
from recipes.installation import ROOT
from tests.support.programs import PATIENCE_S, environment, listening

SECOND_NS = 1_000_000_000


class Host:
    """A host process, and what it replies."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        ready = self.replies()[1]
        assert isinstance(ready, Ready)
        self.ready = ready

    def ask(self, number: int, request: Request) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"%d " % number + encode(request))
        self.process.stdin.flush()

    def replies(self) -> tuple[int, Reply]:
        assert self.process.stdout is not None
        number, _, text = self.process.stdout.readline().partition(b" ")
        return int(number), decode_reply(text)

    def answer(self) -> messages.Answer:
        _, reply = self.replies()
        assert isinstance(reply, Answered), reply
        return messages.decode_answer(reply.answer)


@contextmanager
def host(directory: Path, lease_s: float = 60.0) -> Iterator[Host]:
    command = [sys.executable, "-m", "bench.cluster.host", "--lease", str(lease_s)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(TMPDIR=str(directory))
    ) as process:
        try:
            yield Host(process)
        finally:
            process.kill()


def setup(address: str) -> messages.Setup:
    target = target_for("http", address)
    return messages.Setup(
        protocol="http", direct=Addresses(target), recipes="generated:20", ids=[1, 2], known=True, timeout_s=5.0
    )


def test_it_describes_its_machine(tmp_path: Path) -> None:
    with host(tmp_path) as started:
        worker = started.ready.worker
        assert (worker.lab_digest, worker.python) == (digest(), ".".join(map(str, sys.version_info[:3])))
        assert worker.cores >= 1
        assert "aiohttp" in worker.libraries


def test_a_slice_begins_no_earlier_than_planned_and_all_that_it_started_ends_with_stdin(tmp_path: Path) -> None:
    with (
        listening("producers", "http", "--port", "0", "--recipes", "generated:20") as producer,
        host(tmp_path) as started,
    ):
        key = CellKey(protocol="http", load=ClosedLoad(concurrency=3))
        started.ask(1, Start(load=7, setup=raw(setup(producer.addresses[0]))))
        assert started.answer() == messages.Done()
        started.ask(2, Give(load=7, order=raw(messages.Verify(key=key, questions_at_most=2)), timeout_s=30))
        assert isinstance(verification := started.answer(), messages.Verification)
        assert verification.cause is None
        order = messages.RunSlice(
            cell=key.label,
            seed="1",
            duration_ns=50_000_000,
            requests_at_least=1,
            load=ClosedLoad(concurrency=1),
            apart=True,
        )
        started.ask(3, Plan(load=7, order=raw(order), timeout_s=30, wait_ns=200_000_000))
        assert started.replies() == (3, Planned())
        started.ask(4, Await(planned=3))
        number, reply = started.replies()
        assert number == 4
        assert isinstance(reply, Answered)
        assert reply.started_after_ns is not None
        assert reply.started_after_ns >= 200_000_000
        done = messages.decode_answer(reply.answer)
        assert isinstance(done, messages.SliceDone)
        assert done.slice.ok > 0
        assert done.slice.in_flight == pytest.approx(1, abs=0.5)
        assert done.latency is not None
        children = psutil.Process(started.process.pid).children(recursive=True)
        assert [child for child in children if "bench.load.worker" in child.cmdline()]
        assert started.process.stdin is not None
        started.process.stdin.close()
        assert started.process.wait(PATIENCE_S) == 0
        assert psutil.wait_procs(children, timeout=PATIENCE_S)[1] == []
    assert list(tmp_path.iterdir()) == []


def test_it_ends_when_it_hears_nothing_for_the_time_of_its_lease(tmp_path: Path) -> None:
    with host(tmp_path, lease_s=2.0) as started:
        for number in (1, 2):
            started.ask(number, Renew())
            assert started.replies() == (number, Planned())
        assert started.process.wait(PATIENCE_S) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_load_process_that_cannot_be_set_up_is_a_reply(tmp_path: Path) -> None:
    with host(tmp_path) as started:
        unknown = messages.Setup(
            protocol="http", direct=Addresses(), recipes="nowhere.json", ids=[], known=True, timeout_s=1
        )
        started.ask(1, Start(load=0, setup=raw(unknown)))
        _, reply = started.replies()
        assert isinstance(reply, Failed)
        assert "nowhere.json" in reply.text


def test_a_request_that_it_cannot_carry_out_is_replied_to(tmp_path: Path) -> None:
    with host(tmp_path) as started:
        started.ask(1, Give(load=3, order=raw(messages.Discard()), timeout_s=1))
        assert started.replies() == (1, Failed(text="the host process failed: KeyError(3)"))


def test_files_that_a_set_up_names_go_along(tmp_path: Path) -> None:
    ca, recipes = tmp_path / "ca.pem", tmp_path / "recipes.jsonl"
    ca.write_bytes(b"an authority")
    recipes.write_bytes(b"{}")
    given = messages.Setup(
        protocol="http",
        direct=Addresses(),
        access=Access(ca=ca),
        recipes=str(recipes),
        ids=[],
        known=True,
        timeout_s=1,
    )
    assert files_of(given) == {str(ca): b"an authority", str(recipes): b"{}"}
    copied = with_files(given, {str(ca): Path("/there/0.pem"), str(recipes): Path("/there/1.jsonl")})
    assert (copied.access.ca, copied.recipes) == (Path("/there/0.pem"), "/there/1.jsonl")
    assert with_files(setup("http://localhost:1"), {}) == setup("http://localhost:1")


def test_the_digest_is_of_the_code_that_sends_and_not_of_where_it_is(tmp_path: Path) -> None:
    for path in sorted({path for pattern in SENDING for path in ROOT.glob(pattern)}):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    assert digest(tmp_path) == digest()
    digest.cache_clear()
    (tmp_path / "bench" / "load" / "timer.py").write_text("# another\n")
    assert digest(tmp_path) != digest()


def test_a_slice_of_no_cluster_names_no_worker() -> None:
    assert (Slice().workers, Slice().left_out, Slice().start_window_ns) == (None, (), None)
