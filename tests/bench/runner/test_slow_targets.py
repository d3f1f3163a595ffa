"""A run with an end keeps to it, however slow its producers are: real processes."""

from dataclasses import replace

from bench.load_models import ClosedLoad
from bench.pace import SLOW_NS
from bench.plan import Matrix
from bench.report import answer_sentences
from bench.report.grouping import grouped
from bench.results import Run
from bench.runner import assemble
from bench.runner.measure import OUT_OF_TIME
from bench.workloads import Workload
from tests.support import measuring

DELAY_MS = 4 * SLOW_NS / 1e6
SECONDS = 1.5
"""Less than one request for each of the four cells takes."""


async def slow_run() -> Run:
    """A run of two workloads, with and without gzip, for SECONDS."""
    async with measuring.known("http", "--delay-ms", str(DELAY_MS)) as producer:
        targets = {"http": producer.addresses}
        plan = measuring.plan_of(["http"], [ClosedLoad(concurrency=1)], targets, rounds=None, seconds=SECONDS)
        workloads = [Workload(name="get"), Workload(name="list", page_size=5)]
        matrix = Matrix({**plan.matrix.values, "gzip": [False, True], "workload": workloads})
        return await measuring.measured(replace(plan, matrix=matrix))


async def test_what_does_not_fit_is_left_out_and_named() -> None:
    run = await slow_run()
    reached = [cell for cell in run.cells if sum(cell.slices.ok)]
    missed = [cell for cell in run.cells if cell.status == "interrupted"]
    assert reached
    assert missed
    assert {cell.reason for cell in missed} == {OUT_OF_TIME}
    for cell in reached:
        assert cell.causes == []
        assert cell.outcomes == {"ok": sum(cell.slices.ok)}
        assert set(cell.slices.ok) == {1}
    (warning,) = [warning for warning in run.warnings if warning.code == "not_reached"]
    assert "About --seconds" in warning.text
    assert assemble.untrusted(run)
    grouping = grouped(run)
    result = answer_sentences.of_machine(run, grouping.main_groups, grouping)
    assert result.startswith("Too few responses for a median")
    assert any(cell.id in result for cell in reached)
