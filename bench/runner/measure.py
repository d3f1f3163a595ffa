"""Measuring a run: instances of fresh processes, shuffled rounds, one slice at a time.

Slices are recorded as they are; only whether an instance has warmed up is decided here. The processes of each instance
belong to a session, which ends them all.
"""

from collections.abc import Callable
from time import perf_counter_ns

from bench import schedule as planning
from bench.load import latency_histogram, messages
from bench.load.recorder import OK, SILENCE, sum_outcomes
from bench.machine import peak_memory_bytes
from bench.runner.job import Job
from bench.runner.recording import CellRecording, RunRecording
from bench.runner.rig import VERIFY_TIMEOUT_S, Rig, order_to_verify, start_rigs
from bench.runner.session import Session, Stopped
from bench.runner.sizes import order_to_read
from bench.spec import CellKey

GIVE_UP_AFTER = 3
"""After so many slices in a row without a successful request, a cell is left out for the rest of its instance."""
SLICE_MARGIN_S = 60.0

Rigs = dict[CellKey, Rig]


class Measurement:
    """Measures one plan."""

    def __init__(self, job: Job, enough: Callable[[RunRecording], bool] = lambda _: False) -> None:
        """`enough` is called after each instance; the run ends when it returns true."""
        self.job = job
        self.plan = job.plan
        self.enough = enough
        self.recording = RunRecording([CellRecording(cell) for cell in self.plan.matrix.cells()])
        for cell in self.recording.cells:
            if (reason := planning.why_unsupported(cell.key, self.plan)) is not None:
                cell.give_up("unsupported", reason)
        self.began_ns = perf_counter_ns()

    async def run(self) -> RunRecording:
        """Measure the plan. Nothing is raised for a producer that fails: the recording says so."""
        for instance in range(self.plan.instances):
            try:
                await self._instance(instance)
            except Stopped:
                self.recording.interrupted = True
                break
            if self.enough(self.recording) or all(cell.status != "measured" for cell in self.recording.cells):
                break
        for cell in self.recording.cells:
            if cell.status == "measured" and not any(each.ok for each in cell.slices):
                if self.recording.interrupted and not cell.slices:
                    cell.give_up("interrupted", "the run was interrupted before its first slice")
                else:
                    cell.give_up("failed", "; ".join(self.recording.problems) or "no request was successful")
        return self.recording

    async def _instance(self, instance: int) -> None:
        self._report("starting" if self.plan.restarts else "connecting")
        async with Session(self.job.pinning, self.job.stop, self.recording.problems) as session:
            rigs = await start_rigs(session, self.job, instance)
            try:
                await self._verify(instance, rigs)
                await self._read_sizes(rigs)
                await self._count_in_flight(rigs)
                await self._rounds(instance, rigs)
                self.recording.instances_done += 1
            except Stopped:
                await self._collect(instance, rigs)
                raise
            await self._collect(instance, rigs)

    async def _verify(self, instance: int, rigs: Rigs) -> None:
        self._report("verifying responses")
        for cell in self.recording.cells:
            rig = rigs.get(cell.key.process)
            if rig is None or rig.broken or cell.status != "measured":
                continue
            order = order_to_verify(cell.key, planning.questions_to_verify(cell.key, instance))
            verification = await rig.order(order, VERIFY_TIMEOUT_S)
            if isinstance(verification, messages.Verification) and verification.outcome != OK:
                cell.outcomes = sum_outcomes([cell.outcomes, {verification.outcome: 1}])
                cell.give_up("failed" if verification.supported else "unsupported", verification.text)

    async def _read_sizes(self, rigs: Rigs) -> None:
        """Count the bytes of every message whose sizes are not known yet. They are the same in every instance."""
        self._report("counting bytes")
        for cell in self.recording.cells:
            message = cell.key.message
            rig = rigs.get(cell.key.process)
            if rig is None or rig.broken or cell.status != "measured" or message in self.recording.sizes:
                continue
            found = await rig.order(order_to_read(cell.key), VERIFY_TIMEOUT_S)
            if isinstance(found, messages.SizesRead):
                self.recording.sizes[message] = found

    async def _count_in_flight(self, rigs: Rigs) -> None:
        """Count what every client can have in flight, once for all cells that it serves in the same way."""
        for cell in self.recording.cells:
            key = cell.key
            rig = rigs.get(key.process)
            if rig is None or rig.broken or cell.status != "measured" or key.sender in self.recording.in_flight:
                continue
            if key.load is not None and key.load.connection_limit != 1:
                counted = await rig.order(messages.CountInFlight(key=key), VERIFY_TIMEOUT_S)
                if isinstance(counted, messages.InFlightCounted):
                    self.recording.in_flight[key.sender] = counted

    async def _rounds(self, instance: int, rigs: Rigs) -> None:
        plan = self.plan
        cells = {cell.key: cell for cell in self.recording.cells}
        for cell in self.recording.cells:
            cell.slices_without_success = 0
        ends_ns = self.began_ns + plan.seconds * 1e9 * (instance + 1) / plan.instances
        await self._warm_up(instance, cells, rigs)
        self._measuring_since_ns = perf_counter_ns()
        number = 0
        while number < 1 or (plan.rounds is None and self._round_fits(number, ends_ns)) or number < (plan.rounds or 0):
            if not any(self._can_be_measured(cell, rigs) for cell in self.recording.cells):
                break
            share = 0.0 if plan.rounds is None else (instance + number / plan.rounds) / plan.instances
            self._report(f"instance {instance + 1} of {plan.instances}, round {number + 1}", share)
            for planned in planning.cells_of_round(list(cells), plan, instance, number):
                await self._slice(instance, number, cells[planned], rigs)
            number += 1

    async def _warm_up(self, instance: int, cells: dict[CellKey, CellRecording], rigs: Rigs) -> None:
        """Run rounds that are not recorded, the first one with all cells, until latencies no longer fall."""
        self._report(f"instance {instance + 1} of {self.plan.instances}, warming up")
        before: dict[str, float] = {}
        for done in range(1, planning.WARM_UP_ROUNDS_AT_MOST + 1):
            now: dict[str, float] = {}
            # Numbered downwards, so that all cells take part in the first.
            number = -planning.THROUGHPUT_EVERY - done + 1
            for planned in planning.cells_of_round(list(cells), self.plan, instance, number):
                result = await self._slice(instance, number, cells[planned], rigs)
                if result is not None and result.slice.p50_ns and planned.measures_latency:
                    now[planned.label] = result.slice.p50_ns
            if done >= planning.WARM_UP_ROUNDS_AT_LEAST and planning.settled(before, now):
                break
            before = now
        self.recording.warm_up_rounds.append(done)

    def _round_fits(self, rounds_done: int, ends_ns: float) -> bool:
        now_ns = perf_counter_ns()
        return now_ns + (now_ns - self._measuring_since_ns) / rounds_done / 2 < ends_ns

    def _can_be_measured(self, cell: CellRecording, rigs: Rigs) -> bool:
        rig = rigs.get(cell.key.process)
        usable = rig is not None and not rig.broken
        return usable and cell.status == "measured" and cell.slices_without_success < GIVE_UP_AFTER

    async def _slice(self, instance: int, number: int, cell: CellRecording, rigs: Rigs) -> messages.SliceDone | None:
        """Measure a slice and record it; rounds below 0 are the warm-up. None when its rig cannot be used."""
        if not self._can_be_measured(cell, rigs):
            return None
        rig = rigs[cell.key.process]
        duration_ns = planning.slice_ns(cell.key, self.plan)
        order = messages.RunSlice(
            cell=cell.key.label,
            seed=planning.slice_seed(cell.key, self.plan, instance, number),
            duration_ns=duration_ns,
            requests_at_least=planning.requests_at_least(cell.key),
            in_flight_at_most=self.recording.in_flight_at_most(cell.key),
            recorded=number >= 0,
        )
        result = await rig.order(order, duration_ns / 1e9 + self.plan.timeout_s + SLICE_MARGIN_S)
        if result is None:
            cell.lose(instance, max(0, number), perf_counter_ns() - self.began_ns)
        elif isinstance(result, messages.SliceDone):
            if number >= 0:
                cell.add(instance, number, self.began_ns, result)
            else:
                cell.warm_up(result)
            self._note_silence(rig, cell, result)
            return result
        return None

    def _note_silence(self, rig: Rig, cell: CellRecording, result: messages.SliceDone) -> None:
        """Leave a rig alone that answers no workload any more: each of its slices would last until the timeouts."""
        kinds = {kind for kind, count in result.outcomes.items() if count}
        if not kinds or not kinds <= SILENCE:
            rig.silent.clear()
            return
        rig.silent.append(cell.key.workload.label)
        workloads = {workload.label for workload in self.plan.matrix["workload"]}
        if len(rig.silent) >= GIVE_UP_AFTER and workloads <= set(rig.silent):
            rig.broken = True
            self.recording.problems.append(
                f"The {rig.key.protocol} producer answered nothing in {len(rig.silent)} slices in a row "
                f"({result.text}), so it was left out for the rest of its instance"
            )

    async def _collect(self, instance: int, rigs: Rigs) -> None:
        """Take the histograms and the peak memory of an instance that is over."""
        for rig in rigs.values():
            if rig.producer is not None and (peak := peak_memory_bytes(rig.producer.pid)) is not None:
                self.recording.peak_bytes[rig.key] = max(peak, self.recording.peak_bytes.get(rig.key, 0))
            if (recorded := await rig.finish(self.plan.timeout_s)) is None:
                continue
            for cell in self.recording.cells:
                if text := recorded.latency.get(cell.key.label):
                    cell.latency[instance] = latency_histogram.decode(text)
                if text := recorded.service.get(cell.key.label):
                    cell.service[instance] = latency_histogram.decode(text)

    def _report(self, text: str, share: float = 0.0) -> None:
        if self.plan.rounds is None:
            share = (perf_counter_ns() - self.began_ns) / 1e9 / self.plan.seconds
        self.job.on_progress(min(1.0, share), text)
