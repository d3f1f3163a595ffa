"""Conducting a run: instances of fresh processes, shuffled rounds, one slice at a time. What comes out is raw.

The conductor sends no load, and computes nothing but whether an instance has settled. It keeps every process that it
started and ends them all, however the run ends.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import TypeVar

from bench import schedule as planning
from bench.cores import Pinning
from bench.load import latency_histogram, messages, outcomes
from bench.network.profile import LOOPBACK
from bench.network.running import RunningRelay, start_relay
from bench.runner import warm_up
from bench.runner.arm import Arm
from bench.runner.memory import peak_resident_bytes
from bench.runner.processes import LoadProcess, ProcessFailed, RunningProducer, start_producer
from bench.runner.recording import ArmKey, RawCell, RawRun, arm_key
from bench.schedule import RunPlan
from bench.spec import CellPlan

GIVE_UP_AFTER = 3
"""A cell whose slices brought no right answer so often in a row is left out for the rest of its instance."""
PROOF_TIMEOUT_S = 120.0
SLICE_MARGIN_S = 60.0

Result = TypeVar("Result")


class Stopped(Exception):
    """The user asked to stop."""


class Conductor:
    """Carries out one plan."""

    def __init__(
        self,
        plan: RunPlan,
        *,
        ids: Sequence[int],
        certificates: Path | None,
        pinning: Pinning,
        on_progress: Callable[[float, str], None],
        stop: asyncio.Event,
        enough: Callable[[RawRun], bool] = lambda _: False,
    ) -> None:
        """`ids`: of the recipes to ask for. `on_progress` is told the share done and what goes on. `stop`, once set,
        ends the run after what is under way, and what was found so far is kept. `enough` is asked after each instance
        whether the run may end with it."""
        self.plan = plan
        self.ids = list(ids)
        self.certificates = certificates
        self.pinning = pinning
        self.on_progress = on_progress
        self.stop = stop
        self.enough = enough
        self.raw = RawRun([RawCell(cell) for cell in plan.matrix.cells()])
        for cell in self.raw.cells:
            if (reason := planning.why_unsupported(cell.plan.combination, plan)) is not None:
                cell.give_up("unsupported", reason)
        self.began_ns = perf_counter_ns()

    async def run(self) -> RawRun:
        """Carry out the plan. Raises nothing for what goes wrong with a producer: that stands in what is returned."""
        for instance in range(self.plan.instances):
            try:
                await self._instance(instance)
            except Stopped:
                self.raw.interrupted = True
                break
            if self.enough(self.raw) or all(cell.status != "measured" for cell in self.raw.cells):
                break
        for cell in self.raw.cells:
            if cell.status == "measured" and not any(cell.slices.ok):
                if self.raw.interrupted and not cell.slices.ok:
                    cell.give_up("interrupted", "the run was interrupted before its first slice")
                else:
                    cell.give_up("failed", "; ".join(self.raw.troubles) or "no request was answered rightly")
        return self.raw

    async def _instance(self, instance: int) -> None:
        arms: dict[ArmKey, Arm] = {}
        try:
            self._tell("starting" if self.plan.restarts else "connecting")
            await self.start(instance, arms)
            await self._prove(instance, arms)
            await self._read_sizes(arms)
            await self._rounds(instance, arms)
            self.raw.instances_done += 1
        except asyncio.CancelledError:
            # Asked twice to stop: nothing more is waited for.
            for arm in arms.values():
                arm.kill()
            raise
        finally:
            await self._collect(instance, arms)
            await asyncio.gather(*(arm.stop() for arm in arms.values()))

    async def start(self, instance: int, arms: dict[ArmKey, Arm]) -> None:
        """Start every arm into `arms`; one that cannot be started is missing there. Raises Stopped."""
        order = planning.start_order(self.plan, instance)
        starting = [asyncio.create_task(self._start_arm(key, arms)) for key in order]
        try:
            # Not gather: it cancels without waiting, and a second cancellation would cut their cleaning up short.
            await self._unless_stopped(asyncio.wait(starting))
        except BaseException:
            for task in starting:
                task.cancel()
            await asyncio.wait(starting)
            raise
        for task in starting:
            task.result()

    async def _start_arm(self, key: ArmKey, arms: dict[ArmKey, Arm]) -> None:
        plan = self.plan
        producer: RunningProducer | None = None
        relays: list[RunningRelay] = []
        protocol, name = key
        version = next(version for version in plan.versions if version.name == name)
        target = version.targets.get(protocol)
        try:
            if target is None:
                producer = await start_producer(
                    protocol,
                    recipes=plan.recipes,
                    gzip=planning.gzip_served(protocol, plan),
                    gzip_level=plan.gzip_level,
                    flags=planning.producer_flags(protocol, plan),
                    certificates=self.certificates,
                    cores=self.pinning.producer,
                    directory=version.directory,
                    python=version.python,
                )
            direct = messages.Route(
                plain=producer.plain if producer else target.plain if target else None,
                tls=producer.tls if producer else target.tls if target else None,
            )
            networks = {
                network: await self._start_relay(network, direct, relays)
                for network in plan.matrix.networks
                if network != LOOPBACK
            }
            own_ca = None if self.certificates is None else str(self.certificates / "ca.pem")
            setup = messages.Setup(
                protocol=protocol,
                direct=direct,
                networks=networks,
                ca=plan.ca or own_ca,
                recipes=plan.recipes,
                ids=self.ids,
                known=plan.known,
                timeout_s=plan.timeout_s,
                producer_pid=producer.pid if producer else None,
            )
            load = await LoadProcess.start(protocol, setup, self.pinning.load)
            arms[key] = Arm(key, producer, load, relays)
        except (ProcessFailed, asyncio.CancelledError) as error:
            for child in [relay.child for relay in relays] + ([producer.child] if producer else []):
                if isinstance(error, asyncio.CancelledError):
                    child.kill()
                await child.stop()
            if not isinstance(error, ProcessFailed):
                raise
            self.raw.troubles.append(str(error))

    async def _start_relay(self, network: str, direct: messages.Route, relays: list[RunningRelay]) -> messages.Route:
        """Put a network before the producer. Every arm has relays of its own, as only one sends at a time."""
        addresses = [address for address in (direct.plain, direct.tls) if address is not None]
        # On whichever core is idle: while the relay works, producer and load mostly wait for it.
        cores = sorted({*self.pinning.producer, *self.pinning.load})
        relay = await start_relay(network, addresses, seed=self.plan.seed, cores=cores)
        relays.append(relay)
        announced = iter(relay.addresses)
        return messages.Route(plain=direct.plain and next(announced), tls=direct.tls and next(announced))

    async def _prove(self, instance: int, arms: dict[ArmKey, Arm]) -> None:
        self._tell("proving that the answers are right")
        for cell in self.raw.cells:
            arm = arms.get(arm_key(cell.plan.combination))
            if arm is None or arm.broken or cell.status != "measured":
                continue
            proof = await self.order(arm, self.proof_of(cell.plan, instance), PROOF_TIMEOUT_S)
            if isinstance(proof, messages.Proof) and proof.outcome != outcomes.OK:
                cell.outcomes = outcomes.added([cell.outcomes, {proof.outcome: 1}])
                cell.give_up("failed" if proof.supported else "unsupported", proof.text)

    def proof_of(self, cell: CellPlan, starts: int) -> messages.Prove:
        """The order to prove a cell, in full unless its producer was started afresh after it was proved before."""
        combination = cell.combination
        return messages.Prove(
            cell=cell.id,
            workload=combination.workload.name,
            page_size=combination.workload.page_size,
            gzip=combination.gzip,
            tls=combination.tls,
            load=cell.load,
            questions_at_most=planning.questions_to_prove(cell, starts),
            network=cell.network,
            connection=cell.connection,
            client=cell.client,
            dialect=combination.dialect,
        )

    async def _read_sizes(self, arms: dict[ArmKey, Arm]) -> None:
        """Read the sizes of every combination that has none yet. They do not change from one start to the next."""
        self._tell("reading the wire")
        for cell in self.raw.cells:
            combination = cell.plan.combination
            arm = arms.get(arm_key(combination))
            if arm is None or arm.broken or cell.status != "measured" or combination in self.raw.sizes:
                continue
            order = messages.ReadSizes(
                workload=combination.workload.name,
                page_size=combination.workload.page_size,
                gzip=combination.gzip,
                tls=combination.tls,
                dialect=combination.dialect,
            )
            found = await self.order(arm, order, PROOF_TIMEOUT_S)
            if isinstance(found, messages.SizesRead):
                self.raw.sizes[combination] = found

    async def _rounds(self, instance: int, arms: dict[ArmKey, Arm]) -> None:
        plan = self.plan
        cells = {cell.plan: cell for cell in self.raw.cells}
        for cell in self.raw.cells:
            cell.barren_slices = 0
        ends_ns = self.began_ns + plan.seconds * 1e9 * (instance + 1) / plan.instances
        await self._warm_up(instance, cells, arms)
        self._measuring_since_ns = perf_counter_ns()
        number = 0
        while number < 1 or (plan.rounds is None and self._round_fits(number, ends_ns)) or number < (plan.rounds or 0):
            if not any(self._can_be_measured(cell, arms) for cell in self.raw.cells):
                break
            share = 0.0 if plan.rounds is None else (instance + number / plan.rounds) / plan.instances
            self._tell(f"instance {instance + 1} of {plan.instances}, round {number + 1}", share)
            for planned in planning.cells_of_round(list(cells), plan, instance, number):
                await self._slice(instance, number, cells[planned], arms)
            number += 1

    async def _warm_up(self, instance: int, cells: dict[CellPlan, RawCell], arms: dict[ArmKey, Arm]) -> None:
        """Rounds that are not recorded, every cell in the first of them, until latencies no longer fall."""
        self._tell(f"instance {instance + 1} of {self.plan.instances}, warming up")
        before: dict[str, float] = {}
        for done in range(1, warm_up.ROUNDS_AT_MOST + 1):
            now: dict[str, float] = {}
            # Numbered downwards from the last one in which all take part.
            number = -planning.THROUGHPUT_EVERY - done + 1
            for planned in planning.cells_of_round(list(cells), self.plan, instance, number):
                result = await self._slice(instance, number, cells[planned], arms)
                if result is not None and result.p50_ns and planned.measures_latency:
                    now[planned.id] = result.p50_ns
            if done >= warm_up.ROUNDS_AT_LEAST and warm_up.settled(before, now):
                break
            before = now
        self.raw.warm_up_rounds.append(done)

    def _round_fits(self, rounds_done: int, ends_ns: float) -> bool:
        now_ns = perf_counter_ns()
        return now_ns + (now_ns - self._measuring_since_ns) / rounds_done / 2 < ends_ns

    def _can_be_measured(self, cell: RawCell, arms: dict[ArmKey, Arm]) -> bool:
        arm = arms.get(arm_key(cell.plan.combination))
        usable = arm is not None and not arm.broken
        return usable and cell.status == "measured" and cell.barren_slices < GIVE_UP_AFTER

    async def _slice(
        self, instance: int, number: int, cell: RawCell, arms: dict[ArmKey, Arm]
    ) -> messages.SliceResult | None:
        """Measure a slice and keep it; those of rounds below 0 warm up. None where there was nobody to measure."""
        if not self._can_be_measured(cell, arms):
            return None
        arm = arms[arm_key(cell.plan.combination)]
        duration_ns = planning.slice_ns(cell.plan, self.plan)
        order = messages.RunSlice(
            cell=cell.plan.id,
            seed=planning.slice_seed(cell.plan, self.plan, instance, number),
            duration_ns=duration_ns,
            requests_at_least=planning.requests_at_least(cell.plan),
            recorded=number >= 0,
        )
        result = await self.order(arm, order, duration_ns / 1e9 + self.plan.timeout_s + SLICE_MARGIN_S)
        if result is None:
            cell.lose(instance, max(0, number), perf_counter_ns() - self.began_ns)
        elif isinstance(result, messages.SliceResult):
            if number >= 0:
                cell.add(instance, number, self.began_ns, result)
            else:
                cell.warm_up(result)
            self._listen(arm, cell, result)
            return result
        return None

    def _listen(self, arm: Arm, cell: RawCell, result: messages.SliceResult) -> None:
        """Leave an arm alone that gives no answer, whatever it is asked: each slice would last until its timeouts."""
        kinds = {kind for kind, count in result.outcomes.items() if count}
        if not kinds or not kinds <= outcomes.SILENCE:
            arm.silent.clear()
            return
        arm.silent.append(cell.plan.combination.workload.label)
        workloads = {workload.label for workload in self.plan.matrix.workloads}
        if len(arm.silent) >= GIVE_UP_AFTER and workloads <= set(arm.silent):
            arm.broken = True
            self.raw.troubles.append(
                f"The {arm.key[0]} producer answered nothing in {len(arm.silent)} slices in a row ({result.text}), "
                "so it was left out for the rest of its instance"
            )

    async def order(self, arm: Arm, order: messages.Order, timeout_s: float) -> messages.Answer | None:
        """Have an order carried out; None when the arm broke over it, which is noted. Raises Stopped."""
        try:
            answer = await self._unless_stopped(arm.load.order(order, timeout_s))
        except ProcessFailed as error:
            arm.broken = arm.load_lost = True
            self.raw.troubles.append(str(error))
            return None
        served_by = [relay.child for relay in arm.relays] + ([arm.producer.child] if arm.producer is not None else [])
        for child in served_by:
            if not child.alive:
                arm.broken = True
                self.raw.troubles.append(f"{child.name} ended{child.last_words()}")
        return answer

    async def _unless_stopped(self, work: Awaitable[Result]) -> Result:
        """The result of `work`, unless the user asks to stop before it is there: then Stopped is raised."""
        task = asyncio.ensure_future(work)
        stopping = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if self.stop.is_set():
                raise Stopped
            return task.result()
        finally:
            stopping.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _collect(self, instance: int, arms: dict[ArmKey, Arm]) -> None:
        """Take the histograms and the peak memory of an instance that is over."""
        for arm in arms.values():
            if arm.producer is not None and (peak := peak_resident_bytes(arm.producer.pid)) is not None:
                self.raw.peak_bytes[arm.key] = max(peak, self.raw.peak_bytes.get(arm.key, 0))
            if arm.load_lost:
                continue
            try:
                recorded = await arm.load.order(messages.Finish(), self.plan.timeout_s)
            except ProcessFailed as error:
                self.raw.troubles.append(str(error))
                continue
            if isinstance(recorded, messages.Recorded):
                for cell in self.raw.cells:
                    if text := recorded.latency.get(cell.plan.id):
                        cell.latency[instance] = latency_histogram.decode(text)
                    if text := recorded.service.get(cell.plan.id):
                        cell.service[instance] = latency_histogram.decode(text)

    def _tell(self, text: str, share: float = 0.0) -> None:
        if self.plan.rounds is None:
            share = (perf_counter_ns() - self.began_ns) / 1e9 / self.plan.seconds
        self.on_progress(min(1.0, share), text)
