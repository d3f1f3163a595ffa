"""The search for the highest rate that meets objectives: open-loop slices against producers, one rate at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from time import perf_counter_ns

from msgspec.structs import replace

from bench import schedule as planning
from bench.load import latency_histogram, messages
from bench.load.recorder import SILENCE, failures, sum_outcomes
from bench.load_models import ClosedLoad, OpenLoad
from bench.machine import this_process_on
from bench.runner import assemble
from bench.runner.job import Job
from bench.runner.measure import SLICE_MARGIN_S
from bench.runner.recording import CellRecording, RunRecording
from bench.runner.rig import VERIFY_TIMEOUT_S, Rig, order_to_verify, start_rigs
from bench.runner.session import Session, Stopped
from bench.runner.slo_search import QUANTILES, Objective, RateSearch, missed
from bench.slices import Slices
from bench.spec import AWAKE, CellKey
from bench.stats import generator

GUESS_FROM = ClosedLoad(concurrency=16)
GUESS_NS = 300_000_000
WARM_UP_NS = 500_000_000
SHORTEST_NS = 1_000_000_000
LONGEST_NS = 10_000_000_000
LIMITS_LONG = 30
"""A probe lasts so many times the allowed latency: at 5 % above capacity the backlog then exceeds it."""
WITHOUT_LIMIT_NS = 5_000_000_000
"""How long a probe lasts without an objective for latency: only the backlog shows that a rate is missed."""
VERIFICATIONS_AT_MOST = 5
RATE_REACHED = generator.RATE_REACHED


@dataclass(slots=True)
class Found:
    """What one configuration can serve within the objectives."""

    key: CellKey
    rate_hz: float | None = None
    """The highest rate that met them; None: the lowest did not, or there is no result."""
    limit: str = ""
    """What was missed above it, in words."""
    generator_limited: bool = False
    """Whether the load generator was the limit, so that the rate may be higher."""
    trouble: str = ""
    """Why there is no result."""
    unsupported: bool = False
    """Whether the producer cannot serve it, so that there is none to be expected."""
    probes: int = 0
    confirmed: CellRecording | None = None
    """The slices at `rate_hz`."""


@dataclass(slots=True)
class Probe:
    """One slice at one rate, and whether it met the objectives."""

    why_missed: str | None
    generator_limited: bool
    cell: CellRecording = field(repr=False)


class Prober:
    """Searches configuration after configuration, each protocol against its own producer."""

    def __init__(self, job: Job, objectives: Sequence[Objective]) -> None:
        self.job = job
        self.plan = job.plan
        self._objectives = objectives
        self._samples = max(objective.samples_needed for objective in objectives)
        limits_ns = [objective.limit for objective in objectives if objective.measure in QUANTILES]
        self._shortest_ns = max(SHORTEST_NS, round(LIMITS_LONG * max(limits_ns)) if limits_ns else WITHOUT_LIMIT_NS)
        self._number = 0
        self._began_ns = perf_counter_ns()

    async def run(self) -> tuple[list[Found], RunRecording]:
        """Search them all. Returns what was found before the user asked to stop, and the slices at these rates."""
        results: list[Found] = []
        problems: list[str] = []
        keys = self.plan.matrix.cells()
        self.job.on_progress(0.0, "starting")
        async with Session(self.job.pinning, self.job.stop, problems) as session:
            try:
                rigs = await start_rigs(session, self.job)
                session.pin()
                # This process works between slices only, so it can share a core with the load.
                with this_process_on(self.job.pinning.load):
                    for number, key in enumerate(keys):
                        await session.keep_awake(key.cores == AWAKE)
                        found = Found(key)
                        results.append(found)
                        rig = rigs.get(key.process)
                        if (reason := planning.why_unsupported(key, self.plan)) is not None:
                            found.trouble, found.unsupported = reason, True
                        elif rig is None or rig.broken:
                            found.trouble = "; ".join(problems)
                        else:
                            await self._search(rig, found, number, len(keys))
            except Stopped:
                for found in results[-1:]:
                    found.trouble = found.trouble or "interrupted"
        confirmed = [found.confirmed for found in results if found.confirmed is not None]
        return results, RunRecording(confirmed, problems=problems, instances_done=1, interrupted=self.job.stop.is_set())

    async def _search(self, rig: Rig, found: Found, number: int, of: int) -> None:
        guess_hz = await self._guess(rig, found)
        if guess_hz is None:
            return
        search = RateSearch(guess_hz)
        while (rate_hz := search.next_rate()) is not None:
            self.job.on_progress(
                number / of,
                f"search {number + 1}/{of}, probe {found.probes + 1}: {found.key.label} at {rate_hz:,.0f}/s",
            )
            probe = await self._probe(rig, found, rate_hz)
            if probe is None:
                return
            found.probes += 1
            before_hz = search.met_hz
            search.record(rate_hz, met=probe.why_missed is None)
            if probe.why_missed is not None:
                found.limit, found.generator_limited = probe.why_missed, probe.generator_limited
            elif rate_hz == before_hz and found.confirmed is not None:
                _join(found.confirmed, probe.cell)
            else:
                found.confirmed = probe.cell
        found.rate_hz = search.met_hz
        if found.rate_hz is None:
            found.confirmed = None

    async def _guess(self, rig: Rig, found: Found) -> float | None:
        """Half of the rate of a closed loop; None when there is none, which is noted."""
        plan = replace(found.key, load=GUESS_FROM)
        if not await self._verified(rig, plan, found):
            return None
        result = await self._slice(rig, plan, GUESS_NS, found, recorded=False)
        if result is None:
            return None
        await self._collect(rig, plan)
        return result.slice.ok / result.slice.duration_ns * 1e9 / 2

    async def _probe(self, rig: Rig, found: Found, rate_hz: float) -> Probe | None:
        plan = replace(found.key, load=OpenLoad(rate_hz=rate_hz))
        duration_ns = min(max(round(self._samples / rate_hz * 1e9), self._shortest_ns), LONGEST_NS)
        if not await self._verified(rig, plan, found):
            return None
        warmed = await self._slice(rig, plan, WARM_UP_NS, found, recorded=False)
        result = None if warmed is None else await self._slice(rig, plan, duration_ns, found, recorded=True)
        if result is None:
            return None
        cell = CellRecording(plan)
        cell.add(0, self._number, self._began_ns, result)
        recorded = await self._collect(rig, plan)
        if recorded is not None:
            cell.latency[0] = latency_histogram.decode(recorded.latency[plan.label])
            if plan.label in recorded.service:
                cell.service[0] = latency_histogram.decode(recorded.service[plan.label])
        if cell.status != "measured":
            found.trouble = cell.reason or ""
            return None
        return self._evaluated(cell, result)

    def _evaluated(self, cell: CellRecording, result: messages.SliceDone) -> Probe:
        whole = assemble.empty_cell(cell.key, slices=Slices(cell.slices))
        if (limit := generator.reason(whole)) is not None:
            return Probe(limit, generator_limited=True, cell=cell)
        if (short := _rate_missed(result)) is not None:
            return Probe(short, generator_limited=False, cell=cell)
        histogram = cell.latency.get(0)
        latency_ns = (
            {name: float(histogram.get_value_at_percentile(share * 100)) for name, share in QUANTILES.items()}
            if histogram is not None and histogram.total_count
            else {}
        )
        asked = sum(result.outcomes.values())
        errors = failures(result.outcomes) / asked if asked else 0.0
        why_missed = missed(self._objectives, latency_ns, errors)
        causes = cell.causes.found()
        if why_missed is not None and causes:
            why_missed = f"{why_missed}; {causes[0].text} × {causes[0].count:,}"
        return Probe(why_missed, generator_limited=False, cell=cell)

    async def _verified(self, rig: Rig, plan: CellKey, found: Found) -> bool:
        questions = planning.questions_to_verify(plan, found.probes)
        for _ in range(VERIFICATIONS_AT_MOST):
            # A producer may still be busy with the backlog of a rate above its capacity.
            verification = await self._order(rig, order_to_verify(plan, questions), VERIFY_TIMEOUT_S, found)
            if not isinstance(verification, messages.Verification):
                return False
            if verification.cause is None:
                found.trouble = ""
                return True
            found.trouble, found.unsupported = verification.text, not verification.supported
            if verification.cause.kind not in SILENCE:
                return False
        return False

    async def _slice(
        self, rig: Rig, plan: CellKey, duration_ns: int, found: Found, *, recorded: bool
    ) -> messages.SliceDone | None:
        self._number += 1
        order = messages.RunSlice(
            cell=plan.label,
            seed=f"{self.plan.seed}/{self._number}",
            duration_ns=duration_ns,
            requests_at_least=GUESS_FROM.concurrency,
            recorded=recorded,
        )
        timeout_s = duration_ns / 1e9 + self.plan.timeout_s + SLICE_MARGIN_S
        result = await self._order(rig, order, timeout_s, found)
        return result if isinstance(result, messages.SliceDone) else None

    async def _collect(self, rig: Rig, plan: CellKey) -> messages.Recorded | None:
        answer = await rig.order(messages.Collect(cell=plan.label), VERIFY_TIMEOUT_S)
        return answer if isinstance(answer, messages.Recorded) else None

    async def _order(self, rig: Rig, order: messages.Order, timeout_s: float, found: Found) -> messages.Answer | None:
        answer = await rig.order(order, timeout_s)
        if rig.broken:
            found.trouble = rig.session.problems[-1]
            return None
        return answer


def _rate_missed(result: messages.SliceDone) -> str | None:
    """Why the rate was missed: a backlog that is larger than chance explains; None when it was reached."""
    due, ended = result.slice.second_half_due or 0, result.slice.second_half_ended or 0
    if not due:
        return None
    in_flight = due * (result.slice.p50_ns or 0.0) / (result.slice.window_ns / 2)
    tolerance = max((1 - RATE_REACHED) * due, 3 * sqrt(2 * in_flight), 2.0)
    return f"{ended / due * 100:.0f} % of the rate was reached" if due - ended > tolerance else None


def _join(kept: CellRecording, more: CellRecording) -> None:
    """Add the slices and histograms of another probe of the same rate."""
    kept.slices += more.slices
    kept.outcomes = sum_outcomes([kept.outcomes, more.outcomes])
    kept.causes.add_all(more.causes.found())
    for histograms, others in ((kept.latency, more.latency), (kept.service, more.service)):
        for instance, histogram in others.items():
            if instance in histograms:
                histograms[instance].add(histogram)
            else:
                histograms[instance] = histogram
