"""Measuring a run: instances of fresh processes that live at the same time, sweeps over them, one slice at a time.

Slices are recorded as they are; only whether the instances have warmed up is decided here. The processes of the
instances belong to a session, which ends them all.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from time import perf_counter_ns

from msgspec.structs import replace

from bench import machine
from bench import schedule as planning
from bench.load import latency_histogram, messages
from bench.load.causes import bounded
from bench.pace import Pace
from bench.results import Memory
from bench.runner.calls import count_calls, is_distributed
from bench.runner.front_sizes import end_tapped, read_sizes
from bench.runner.instance import Instance
from bench.runner.job import Job
from bench.runner.recording import CellRecording, RunRecording
from bench.runner.rig import VERIFY_TIMEOUT_S, Rig, order_to_verify, start_rigs
from bench.runner.session import Session, Stopped
from bench.runner.sizes import order_to_read
from bench.slices import Slices
from bench.spec import AWAKE, CellKey
from bench.stats.allocation import shares_by_need
from bench.stats.ratios import Baseline

Medians = dict[tuple[int, CellKey], float]
"""Nanoseconds by instance and cell."""

OUT_OF_TIME = "the time was over before its first slice"
SLICE_MARGIN_S = 60.0
CHECKS_COST = 20
"""Whether the results are precise enough is checked after at least so many times the duration of the last check."""


class Measurement:
    """Measures one plan."""

    def __init__(self, job: Job, enough: Callable[[RunRecording], bool] | None = None) -> None:
        """`enough` is called after sweeps; the run ends when it returns true."""
        self.job = job
        self.plan = job.plan
        self.recording = RunRecording(
            [CellRecording(cell) for cell in self.plan.matrix.cells()], instances=self.plan.instances
        )
        for cell in self.recording.cells:
            if (reason := planning.why_unsupported(cell.key, self.plan)) is not None:
                cell.give_up("unsupported", reason)
        self.began_ns = perf_counter_ns()
        self.pace = Pace(self.plan, self.began_ns)
        self._cells = {cell.key: cell for cell in self.recording.cells}
        self._workloads = [workload.label for workload in self.plan.matrix["workload"]]
        self._enough = enough
        self._check_again_ns = 0
        self._over = False
        self._starts_left_s = 0.0
        """How long starting the other instances takes, about."""

    async def run(self) -> RunRecording:
        """Measure the plan. Nothing is raised for a producer that fails: the recording says so."""
        started = 0
        try:
            while started < self.recording.instances and not self._over:
                started += await self._measure_some(started)
        except Stopped:
            self.recording.interrupted = True
        if self.job.cluster is not None:
            self.recording.cluster = self.job.cluster.used()
        for cell in self.recording.cells:
            if cell.status == "measured" and not any(each.ok for each in cell.slices):
                if not cell.slices and self.recording.interrupted:
                    cell.give_up("interrupted", "the run was interrupted before its first slice")
                elif not cell.slices and self.pace.is_slow(cell.key):
                    cell.give_up("interrupted", OUT_OF_TIME)
                else:
                    cell.give_up("failed", self._why_nothing(cell))
        return self.recording

    def _why_nothing(self, cell: CellRecording) -> str:
        """Why a cell has no successful request: what its requests met, else what went wrong with processes."""
        causes = cell.causes.found()
        if causes:
            return f"no request was successful: {causes[0].text}"
        left_out = [each for one in cell.slices for each in one.left_out]
        if left_out:
            return f"all workers were left out of all slices: worker {left_out[0].worker}, as {left_out[0].reason}"
        return "; ".join(dict.fromkeys(self.recording.problems)) or "no request was successful"

    async def _measure_some(self, first: int) -> int:
        """Start as many instances as can live at the same time, and measure them. Returns how many. Raises Stopped."""
        instances: list[Instance] = []
        async with Session(self.job.pinning, self.job.stop, self.recording.problems) as session:
            try:
                await self._start_some(session, first, instances)
                session.pin()
                # This process works between slices only, so it can share a core with the load.
                with machine.this_process_on(self.job.pinning.load):
                    await self._sweeps(session, instances)
                # Where the time was over before all of them were visited, the others have no results.
                self.recording.instances_done += sum(bool(each.rounds) for each in instances) or len(instances)
            except Stopped:
                recorded = {each.instance for cell in self.recording.cells for each in cell.slices}
                self.recording.instances_done += sum(instance.number in recorded for instance in instances)
                await self._collect(instances)
                raise
            await self._collect(instances)
        return len(instances)

    async def _start_some(self, session: Session, first: int, instances: list[Instance]) -> None:
        """Start instances on any core that is free, verify their responses, and warm them up."""
        plan, recording = self.plan, self.recording
        began_ns, available_bytes = perf_counter_ns(), machine.available_memory_bytes()
        instances.append(await self._start(session, first))
        first_ns = perf_counter_ns() - began_ns
        remaining = recording.instances - first
        count = planning.instances_at_once(
            plan, remaining, instances[0].memory_bytes(), available_bytes, machine.allow_open_files()
        )
        recording.instances_at_once = max(recording.instances_at_once, count)
        if plan.instances_at_least is not None and count >= plan.instances_at_least:
            recording.instances = first + count
        until_ns = began_ns + plan.seconds * 1e9 * planning.START_SHARE * count / recording.instances
        cpus = len(machine.usable_cpus())
        free = asyncio.Semaphore(cpus)

        async def start(number: int) -> None:
            async with free:
                if plan.instances_at_least is None:
                    self._starts_left_s = (first + count - number) * first_ns / 1e9 / cpus
                if planning.may_start(plan, number, perf_counter_ns() - began_ns, first_ns, until_ns - began_ns):
                    instances.append(await self._start(session, number))

        await _all_of([start(number) for number in range(first + 1, first + count)])
        self._starts_left_s = 0.0
        if len(instances) < count:
            recording.instances = first + len(instances)
        instances.sort(key=lambda instance: instance.number)

    async def _start(self, session: Session, number: int) -> Instance:
        step = f"instance {number + 1}/{self.recording.instances}"
        self._report(f"{step}: {'starting' if self.plan.restarts else 'connecting'}")
        instance = Instance(number, await start_rigs(session, self.job, number))
        self.pace.ready(perf_counter_ns())

        async def prepare(rig: Rig) -> None:
            cells = [cell for cell in self.recording.cells if cell.key.process == rig.key]
            self._report(f"{step}: verifying responses")
            for done, cell in enumerate(cells):
                last = cells[done - 1].key if done and not number else None
                await self._verify(instance, rig, cell, last, len(cells) - done)
            self._report(f"{step}: counting bytes")
            for cell in cells:
                await self._read_size(rig, cell)
            await end_tapped(rig)
            for cell in cells:
                await self._count_in_flight(rig, cell)
            for cell in cells:
                await self._count_calls(instance, rig, cell)
            self._report(f"{step}: warming up")
            for cell in cells:
                if self.pace.may_prepare(cell.key, perf_counter_ns()):
                    await self._slice(instance, cell, recorded=False)

        await _all_of([prepare(rig) for rig in instance.rigs.values()])
        return instance

    async def _verify(
        self, instance: Instance, rig: Rig, cell: CellRecording, last: CellKey | None, cells_left: int
    ) -> None:
        """Verify a cell, one of so many of the rig that are left. `last`: the one before, in the first instance."""
        now_ns = perf_counter_ns()
        if rig.broken or cell.status != "measured":
            return
        if not self.pace.may_verify(last, now_ns):
            self.pace.learn_as(cell.key, last)
            cell.give_up("interrupted", OUT_OF_TIME)
            return
        questions = planning.questions_to_verify(cell.key, instance.number)
        order = order_to_verify(cell.key, questions, self.pace.verify_within_s(now_ns, cells_left))
        verification = await rig.order(order, VERIFY_TIMEOUT_S)
        if not isinstance(verification, messages.Verification):
            return
        cell.page_size = verification.page_size
        took_ns = perf_counter_ns() - now_ns
        timed_out = took_ns >= self.plan.timeout_s * 1e9
        self.pace.learn(cell.key, took_ns if timed_out and verification.cause else verification.request_ns)
        cell.fail(verification.failed)
        if verification.cause is not None:
            cell.fail([verification.cause])
            cell.give_up("failed" if verification.supported else "unsupported", bounded(verification.text))

    async def _read_size(self, rig: Rig, cell: CellRecording) -> None:
        """Count the bytes of a message whose sizes are not known yet. They are the same in every instance."""
        message = cell.key.message
        if rig.broken or cell.status != "measured" or message in self.recording.sizes:
            return
        order = order_to_read(cell.key)
        requests = self.pace.sizes_requests(cell.key, order.requests, perf_counter_ns())
        if not requests:
            return
        found = await read_sizes(rig, replace(order, requests=requests))
        if isinstance(found, messages.SizesRead):
            self.recording.sizes[message] = found

    async def _count_in_flight(self, rig: Rig, cell: CellRecording) -> None:
        """Count what a client can have in flight, once for all cells that it serves in the same way."""
        key = cell.key
        if rig.broken or cell.status != "measured" or key.sender in self.recording.in_flight:
            return
        if key.load is not None and key.load.connection_limit != 1 and self.pace.may_prepare(key, perf_counter_ns()):
            counted = await rig.order(messages.CountInFlight(key=key), VERIFY_TIMEOUT_S)
            if isinstance(counted, messages.InFlightCounted):
                self.recording.in_flight[key.sender] = counted

    async def _count_calls(self, instance: Instance, rig: Rig, cell: CellRecording) -> None:
        """Count which replica or worker gets how many calls, once for all cells whose calls go the same way."""
        key, counted = cell.key, self.recording.calls.setdefault(cell.key.spread, {})
        if rig.broken or cell.status != "measured" or instance.number in counted or not is_distributed(key):
            return
        if self.pace.may_prepare(key, perf_counter_ns()):
            found = await count_calls(rig, key, instance.number)
            if found is not None:
                counted[instance.number] = found

    async def _sweeps(self, session: Session, instances: Sequence[Instance]) -> None:
        """Visit the instances in random order, again and again, until their part of the time is over."""
        plan = self.plan
        done = self.recording.instances_done + len(instances)
        ends_ns = self.began_ns + plan.seconds * 1e9 * done / self.recording.instances
        blocks = planning.blocks_of(self._cells, plan)
        shares, baseline = blocks, Baseline.of_plan(plan)
        first: Medians = {}
        sweeps, sweeps_discarded, began_ns = 0, 0, perf_counter_ns()
        while not self._nothing_left(instances) and sweeps < (plan.rounds or sweeps + 1):
            if not await self._sweep(session, instances, shares, sweeps, ends_ns):
                break
            sweeps += 1
            # Not later than that: a machine that becomes faster is no reason to discard what was recorded.
            if sweeps == 1:
                first = self._medians_ns(instances)
            elif (
                sweeps == 2
                and sweeps_discarded < planning.DISCARDED_AT_MOST
                and self._time_for(perf_counter_ns() - began_ns, ends_ns)
                and not planning.settled(first, self._medians_ns(instances))
            ):
                await self._discard(instances)
                sweeps, sweeps_discarded, began_ns = 0, sweeps_discarded + sweeps, perf_counter_ns()
                continue
            if self._is_enough():
                break
            shares = shares_by_need(blocks, {key: Slices(cell.slices) for key, cell in self._cells.items()}, baseline)
        self.recording.warm_up_rounds += [1 + sweeps_discarded] * len(instances)

    async def _sweep(
        self,
        session: Session,
        instances: Sequence[Instance],
        shares: Mapping[planning.Block, float],
        number: int,
        ends_ns: float,
    ) -> bool:
        """Measure one round of each instance. False when the time was over before its end."""
        began_ns = perf_counter_ns()
        of_rounds = f"/{self.plan.rounds}" if self.plan.rounds else ""
        for visited, index in enumerate(planning.order_of_sweep(range(len(instances)), self.plan, number)):
            if (number or visited) and self.plan.rounds is None:
                now_ns = perf_counter_ns()
                round_ns = (now_ns - began_ns) / visited if visited else 0.0
                if now_ns + round_ns / 2 > ends_ns:
                    return False
            instance = instances[index]
            self._report(
                f"instance {instance.number + 1}/{self.recording.instances}, round {number + 1}{of_rounds}",
                (instances[0].number + len(instances) * (number + visited / len(instances)) / (self.plan.rounds or 1))
                / self.recording.instances,
            )
            order = planning.order_of_round(
                instance.turns.next_round(shares), self.plan, instance.number, instance.rounds
            )
            fitting = 0
            for key in order:
                # One slice is measured in any case, so that there is something to show.
                if self.pace.slice_fits(key, perf_counter_ns()) or not self.recording.has_slices:
                    fitting += 1
                    await session.keep_awake(key.cores == AWAKE)
                    await self._slice(instance, self._cells[key])
            instance.rounds += 1
            if not fitting:
                return False
        return True

    def _time_for(self, needed_ns: int, ends_ns: float) -> bool:
        """Whether so much time is left."""
        return self.plan.rounds is not None or perf_counter_ns() + needed_ns < ends_ns

    def _medians_ns(self, instances: Sequence[Instance]) -> Medians:
        """The median latency of the latest slice of each cell in each instance, where that is a latency."""
        latest = {
            (each.instance, key): each.p50_ns
            for key, cell in self._cells.items()
            if key.measures_latency
            for each in cell.slices
        }
        numbers = {instance.number for instance in instances}
        return {where: p50_ns for where, p50_ns in latest.items() if p50_ns and where[0] in numbers}

    async def _discard(self, instances: Sequence[Instance]) -> None:
        """Discard what was recorded of these instances, which had not warmed up."""
        for instance in instances:
            instance.turns, instance.rounds = planning.Turns(), 0
            for cell in self.recording.cells:
                cell.discard(instance.number)
            for rig in instance.rigs.values():
                if not rig.broken:
                    await rig.order(messages.Discard(), self.plan.timeout_s + SLICE_MARGIN_S)

    def _nothing_left(self, instances: Sequence[Instance]) -> bool:
        """Whether none of these instances can measure anything any more."""
        self._over = all(cell.status != "measured" for cell in self.recording.cells)
        return not any(instance.rig_for(cell) for instance in instances for cell in self.recording.cells)

    def _is_enough(self) -> bool:
        """Whether the results are precise enough, which is not checked too often, as it takes time."""
        now_ns = perf_counter_ns()
        if self._enough is None or now_ns < self._check_again_ns:
            return False
        self._over = self._enough(self.recording)
        self._check_again_ns = perf_counter_ns() + CHECKS_COST * (perf_counter_ns() - now_ns)
        return self._over

    async def _slice(self, instance: Instance, cell: CellRecording, *, recorded: bool = True) -> None:
        """Measure a slice of a cell, if that can be measured, and record it; the failures only while warming up."""
        rig = instance.rig_for(cell)
        if rig is None:
            return
        duration_ns = round(planning.slice_ns(cell.key, self.plan) * (1 if recorded else planning.WARM_UP_SHARE))
        order = messages.RunSlice(
            cell=cell.key.label,
            seed=planning.slice_seed(cell.key, self.plan, instance.number, instance.rounds if recorded else -1),
            duration_ns=duration_ns,
            requests_at_least=self.pace.requests_at_least(cell.key),
            within_ns=None if self.pace.ends_ns is None else max(0, self.pace.ends_ns - perf_counter_ns()),
            in_flight_at_most=self.recording.in_flight_at_most(cell.key),
            recorded=recorded,
            verified=recorded
            and instance.rounds % planning.VERIFIED_EVERY == 0
            and not self.pace.is_very_slow(cell.key),
        )
        result = await rig.order(order, duration_ns / 1e9 + self.plan.timeout_s + SLICE_MARGIN_S)
        if result is None:
            cell.lose(instance.number, instance.rounds, perf_counter_ns() - self.began_ns)
        elif isinstance(result, messages.SliceDone):
            self.pace.learn(cell.key, result.slice.p50_ns or result.slice.duration_ns)
            if recorded:
                cell.add(instance.number, instance.rounds, self.began_ns, result)
            else:
                cell.warm_up(result)
            if (problem := instance.note(rig, cell.key, result, self._workloads)) is not None:
                self.recording.problems.append(problem)

    async def _collect(self, instances: Sequence[Instance]) -> None:
        """Take the histograms and the peak memory of instances that are over."""
        for instance in instances:
            for rig in instance.rigs.values():
                self._note_memory(rig)
                if (recorded := await rig.finish(self.plan.timeout_s)) is None:
                    continue
                for cell in self.recording.cells:
                    if text := recorded.latency.get(cell.key.label):
                        cell.latency[instance.number] = latency_histogram.decode(text)
                    if text := recorded.service.get(cell.key.label):
                        cell.service[instance.number] = latency_histogram.decode(text)

    def _note_memory(self, rig: Rig) -> None:
        """Take the peak memory of what served the rig's cells."""
        for path in dict.fromkeys(cell.key.path for cell in self.recording.cells if cell.key.process == rig.key):
            found = rig.peak_memory(path)
            known = self.recording.memory.get(path, Memory())
            self.recording.memory[path] = Memory(
                producer_peak=_larger(found.producer_peak, known.producer_peak),
                front_peak=_larger(found.front_peak, known.front_peak),
            )

    def _report(self, text: str, share: float = 0.0) -> None:
        if self.plan.rounds is None:
            elapsed_s = (perf_counter_ns() - self.began_ns) / 1e9
            share = elapsed_s / max(self.plan.seconds, elapsed_s + self._starts_left_s)
        self.job.on_progress(min(1.0, share), text)


def _larger(one: int | None, other: int | None) -> int | None:
    return max((each for each in (one, other) if each is not None), default=None)


async def _all_of(work: Iterable[Coroutine[None, None, None]]) -> None:
    """Do all of it at the same time. Raises Stopped when some of it does."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except* Stopped:
        stopped = True
    else:
        stopped = False
    if stopped:
        raise Stopped
