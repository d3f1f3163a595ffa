"""One load of many machines: how orders are divided, and what becomes of answers that are late, wrong or missing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any

import pytest

from bench.cluster.cluster import Cluster, check_versions
from bench.cluster.connection import WorkerLost
from bench.cluster.lab_code import digest
from bench.cluster.load import ClusterLoad, start_cluster_load
from bench.cluster.messages import Answered, Await, Failed, Give, Plan, Planned, Reply, Request, Start, raw
from bench.load import latency_histogram, messages
from bench.load_models import ClosedLoad, Load, OpenLoad
from bench.plan import Addresses
from bench.results import Cause, ClusterWorker
from bench.runner.processes import ProcessFailed
from bench.slices import LeftOut, Slice
from bench.spec import CellKey
from bench.workloads import Workload
from commands.errors import UsageError

MS = 1_000_000
SECOND_NS = 1_000_000_000
SETUP = messages.Setup(protocol="http", direct=Addresses(), recipes="generated:5", ids=[1], known=True, timeout_s=1.0)


@dataclass
class FakeWorker:
    """A machine whose load process answers at once, with one request for each that it was to keep in flight or to
    send in a second."""

    host: str = "a"
    late_ns: int = 0
    latency_ns: int = MS
    reached: int | None = 256
    gone: str = ""
    """Why it is lost when it is asked next."""
    failure: str = ""
    """What its load process fails with."""
    orders: list[messages.Order] = field(default_factory=list)

    @property
    def loads(self) -> list[Load | None]:
        return [order.load for order in self.orders if isinstance(order, messages.RunSlice)]

    def answer(self, order: messages.Order) -> messages.Answer:
        self.orders.append(order)
        match order:
            case messages.Verify():
                return messages.Verification(request_ns=self.latency_ns)
            case messages.CountInFlight():
                assert order.key.load is not None
                wanted = order.key.load.connection_limit or 256
                reached = None if self.reached is None else min(self.reached, wanted)
                return messages.InFlightCounted(wanted=wanted, reached=reached)
            case messages.Finish():
                return messages.Recorded(latency={}, service={}, problems=("it was open",))
            case messages.RunSlice():
                return self._slice(order)
            case _:
                return messages.Done()

    def _slice(self, order: messages.RunSlice) -> messages.SliceDone:
        assert order.apart
        count = round(order.load.rate_hz) if isinstance(order.load, OpenLoad) else 0
        count = order.load.concurrency if isinstance(order.load, ClosedLoad) else count
        histogram = latency_histogram.new_histogram()
        latency_histogram.record_all(histogram, [self.latency_ns] * count)
        encoded = latency_histogram.encode(histogram)
        return messages.SliceDone(
            slice=Slice(
                ok=count, duration_ns=SECOND_NS, window_ns=SECOND_NS, p50_ns=self.latency_ns, connections_opened=1
            ),
            outcomes={"ok": count},
            latency=encoded,
            service=encoded,
        )


class FakeCluster(Cluster):
    """Workers that are asked without Dask."""

    def __init__(self, machines: Sequence[FakeWorker]) -> None:
        super().__init__("tcp://scheduler:8786", SECOND_NS)
        self.machines = machines
        self.workers = [worker_on(number, each.host) for number, each in enumerate(machines)]
        self._planned: dict[int, Callable[[], Reply]] = {}

    @property
    def alive(self) -> list[int]:
        return [number for number, each in enumerate(self.machines) if not each.gone]

    @property
    def lost(self) -> list[LeftOut]:
        gone = [LeftOut(worker=number, reason=each.gone) for number, each in enumerate(self.machines) if each.gone]
        return [*gone, *self.failed]

    async def ask(self, worker: int, request: Request, seconds: float) -> tuple[int, Reply]:
        machine, number = self.machines[worker], next(self._numbers)
        if machine.gone:
            raise WorkerLost(machine.gone)
        if isinstance(request, Start | Give | Plan | Await) and machine.failure:
            return number, Planned() if isinstance(request, Plan) else Failed(text=machine.failure)
        match request:
            case Start():
                return number, Answered(answer=raw(messages.Done()))
            case Give():
                return number, Answered(answer=raw(machine.answer(messages.decode_order(request.order))))
            case Plan():
                order, after_ns = messages.decode_order(request.order), request.wait_ns + machine.late_ns
                self._planned[number] = lambda: Answered(answer=raw(machine.answer(order)), started_after_ns=after_ns)
                return number, Planned()
            case Await():
                return number, self._planned.pop(request.planned)()
            case _:
                return number, Planned()


def worker_on(number: int, host: str, **known: Any) -> ClusterWorker:
    fields: dict[str, Any] = {"system": "Linux", "cpu": "x", "cores": 2, "memory_bytes": 1, "python": "3.11.7"}
    fields |= {"lab": "0.2.0", "lab_digest": digest(), "libraries": {}, "address": f"tcp://{host}:{number}"}
    return ClusterWorker(number=number, host=host, **{**fields, **known})


async def verified(machines: Sequence[FakeWorker], load: Load) -> tuple[ClusterLoad, CellKey]:
    """A load with one cell."""
    key = CellKey(protocol="http", workload=Workload(name="get"), load=load)
    made = await start_cluster_load(FakeCluster(machines), SETUP)
    await made.order(messages.Verify(key=key, questions_at_most=1), 1.0)
    return made, key


async def slice_of(load: ClusterLoad, key: CellKey, **given: Any) -> messages.SliceDone:
    order = messages.RunSlice(cell=key.label, seed="1", duration_ns=SECOND_NS, requests_at_least=10, **given)
    done = await load.order(order, 1.0)
    assert isinstance(done, messages.SliceDone)
    return done


async def recorded(load: ClusterLoad, key: CellKey) -> Any:
    found = await load.order(messages.Finish(), 1.0)
    assert isinstance(found, messages.Recorded)
    return latency_histogram.decode(found.latency[key.label])


async def test_workers_without_a_part_get_no_order() -> None:
    machines = [FakeWorker(), FakeWorker(), FakeWorker()]
    load, key = await verified(machines, ClosedLoad(concurrency=2))
    done = await slice_of(load, key)
    assert [each.loads for each in machines] == [[ClosedLoad(concurrency=1)]] * 2 + [[]]
    assert (done.slice.workers, done.slice.left_out, done.slice.ok) == ((0, 1), (), 2)


async def test_each_worker_has_a_seed_of_its_own_and_its_share_of_the_requests() -> None:
    machines = [FakeWorker(), FakeWorker(), FakeWorker()]
    load, key = await verified(machines, OpenLoad(rate_hz=90))
    await slice_of(load, key)
    orders = [order for each in machines for order in each.orders if isinstance(order, messages.RunSlice)]
    assert len({order.seed for order in orders}) == 3
    assert [order.requests_at_least for order in orders] == [4, 4, 4]
    assert [order.load for order in orders] == [OpenLoad(rate_hz=30)] * 3


async def test_a_worker_that_began_late_is_in_no_value() -> None:
    machines = [FakeWorker(), FakeWorker(late_ns=300 * MS, latency_ns=900 * MS), FakeWorker()]
    load, key = await verified(machines, OpenLoad(rate_hz=90))
    done = await slice_of(load, key)
    assert done.slice.workers == (0, 2)
    (out,) = done.slice.left_out
    assert out.worker == 1
    assert "after the first, and 100 ms are allowed" in out.reason
    assert (done.slice.ok, done.outcomes) == (60, {"ok": 60})
    histogram = await recorded(load, key)
    assert (histogram.total_count, histogram.get_max_value() < 2 * MS) == (60, True)


async def test_the_start_is_on_the_clock_of_the_bench() -> None:
    load, key = await verified([FakeWorker()], OpenLoad(rate_hz=10))
    before_ns = perf_counter_ns()
    done = await slice_of(load, key)
    assert before_ns < done.slice.started_ns
    assert done.slice.start_window_ns is not None


async def test_a_lost_worker_is_left_out_and_the_others_have_the_whole_load_from_then_on() -> None:
    machines = [FakeWorker(), FakeWorker(), FakeWorker()]
    load, key = await verified(machines, OpenLoad(rate_hz=90))
    machines[1].failure = "the load process ended"
    first, second = await slice_of(load, key), await slice_of(load, key)
    assert first.slice.left_out == (LeftOut(worker=1, reason="the load process ended"),)
    assert (first.slice.ok, second.slice.ok) == (60, 90)
    assert (second.slice.workers, second.slice.left_out) == ((0, 2), ())
    assert machines[2].loads == [OpenLoad(rate_hz=30), OpenLoad(rate_hz=45)]
    machines[0].gone = "it left the cluster"
    assert (await slice_of(load, key)).slice.workers == (2,)
    assert (await recorded(load, key)).total_count == 60 + 90 + 90


async def test_a_slice_without_any_worker_says_why_and_has_no_value() -> None:
    machine = FakeWorker()
    load, key = await verified([machine], OpenLoad(rate_hz=10))
    machine.failure = "no memory"
    done = await slice_of(load, key)
    assert (done.slice.workers, done.slice.ok, done.slice.p50_ns) == ((), 0, None)
    assert done.slice.left_out == (LeftOut(worker=0, reason="no memory"),)
    with pytest.raises(ProcessFailed, match="no worker of the cluster is left: worker 0: no memory"):
        await slice_of(load, key)


async def test_requests_in_flight_are_counted_for_one_part_and_concluded_for_all() -> None:
    machines = [FakeWorker(reached=4), FakeWorker(), FakeWorker()]
    load, key = await verified(machines, ClosedLoad(concurrency=16))
    counted = await load.order(messages.CountInFlight(key=key), 1.0)
    assert counted == messages.InFlightCounted(wanted=16, reached=12)
    await slice_of(load, key, in_flight_at_most=12)
    orders = [order for each in machines for order in each.orders if isinstance(order, messages.RunSlice)]
    assert [order.in_flight_at_most for order in orders] == [4, 4, 4]


async def test_what_could_not_be_counted_on_one_is_not_known_of_all() -> None:
    load, key = await verified([FakeWorker(reached=None), FakeWorker()], OpenLoad(rate_hz=10))
    counted = await load.order(messages.CountInFlight(key=key), 1.0)
    assert counted == messages.InFlightCounted(wanted=512, reached=None)


async def test_connections_are_summed_where_workers_do_not_share_a_machine() -> None:
    for hosts, opened in ((("a", "b"), 2), (("a", "a"), None)):
        load, key = await verified([FakeWorker(host) for host in hosts], OpenLoad(rate_hz=10))
        assert (await slice_of(load, key)).slice.connections_opened == opened


async def test_warming_up_and_what_is_discarded_is_not_in_the_histogram() -> None:
    load, key = await verified([FakeWorker(), FakeWorker()], OpenLoad(rate_hz=10))
    await slice_of(load, key, recorded=False)
    await slice_of(load, key)
    await load.order(messages.Discard(), 1.0)
    await slice_of(load, key)
    assert (await recorded(load, key)).total_count == 10


async def test_problems_at_the_end_name_the_worker() -> None:
    load, _ = await verified([FakeWorker("a"), FakeWorker("b")], OpenLoad(rate_hz=10))
    found = await load.order(messages.Finish(), 1.0)
    assert isinstance(found, messages.Recorded)
    assert found.problems == ("worker 0 (a): it was open", "worker 1 (b): it was open")


async def test_a_load_process_that_does_not_start_is_named() -> None:
    with pytest.raises(ProcessFailed, match=r"^worker 1 \(b\): no module named grpc$"):
        await start_cluster_load(FakeCluster([FakeWorker("a"), FakeWorker("b", failure="no module named grpc")]), SETUP)


async def test_wrong_answers_seen_by_one_worker_end_the_cell() -> None:
    class Wrong(FakeWorker):
        def answer(self, order: messages.Order) -> messages.Answer:
            cause = Cause(kind="wrong_answer", text="no recipe 1", count=1)
            return messages.Verification(cause=cause, text="http://x has no recipe 1")

    made = await start_cluster_load(FakeCluster([FakeWorker("a"), Wrong("b")]), SETUP)
    key = CellKey(protocol="http", load=OpenLoad(rate_hz=1))
    found = await made.order(messages.Verify(key=key, questions_at_most=1), 1.0)
    assert isinstance(found, messages.Verification)
    assert found.text == "seen from worker 1 (b): http://x has no recipe 1"


def test_workers_with_another_version_of_the_lab_are_refused() -> None:
    check_versions([worker_on(0, "a"), worker_on(1, "b")])
    other = worker_on(1, "b", lab="0.1.0", lab_digest="0")
    with pytest.raises(UsageError, match=r"1 of 2 workers have another version of the lab: tcp://b:1 on b \(0\.1\.0\)"):
        check_versions([worker_on(0, "a"), other])
