"""Cells with fronts, replicas and workers: too few cores, calls that are counted differently, calls in one place."""

from msgspec.structs import replace

from bench.load_models import ClosedLoad, OpenLoad
from bench.results import CallsCounted, Cell
from bench.slices import Slice, Slices
from bench.spec import CellKey
from bench.stats import front_warnings
from bench.stats.cores import CoresUsed
from bench.stats.generator import is_bound
from tests.support.plans import ONE, SIXTEEN
from tests.support.runs import cell

TWO, MANY = CoresUsed(1, front=False), CoresUsed(2, front=True)


def behind(load: ClosedLoad | OpenLoad, **given: object) -> Cell:
    found = replace(cell("http"), load=load, front="haproxy", **given)
    return replace(found, id=found.key.label)


def test_with_one_request_in_flight_processes_wait_for_each_other_anyway() -> None:
    assert TWO.why_fewer(CellKey(protocol="http", load=ONE, front="haproxy", replicas=2)) is None


def test_with_more_in_flight_each_busy_process_needs_a_core() -> None:
    alone = CellKey(protocol="http", load=SIXTEEN)
    assert TWO.why_fewer(alone) is None
    assert TWO.why_fewer(replace(alone, workers=2)) == "3 busy processes (load, 2 workers) shared 2 cores"
    fronted = replace(alone, front="haproxy", replicas=2)
    assert TWO.why_fewer(fronted) == "4 busy processes (load, front, 2 producers) shared 2 cores"
    assert MANY.why_fewer(fronted) is None
    assert MANY.why_fewer(replace(fronted, replicas=3)) == "5 busy processes (load, front, 3 producers) shared 4 cores"
    assert CoresUsed(1, front=True).why_fewer(replace(fronted, replicas=1)) is None


def test_cores_are_read_from_the_environment_of_a_run() -> None:
    assert CoresUsed.of({"pinning": {"producer": [3, 2], "load": [0], "front": [1]}}) == MANY
    assert CoresUsed.of({"pinning": {"producer": [1], "load": [0]}}) == TWO
    assert CoresUsed.of({}) == CoresUsed(0, front=False)


def test_throughput_of_processes_that_share_cores_is_a_bound() -> None:
    shared = behind(SIXTEEN, fewer_cores="3 busy processes shared 2 cores")
    assert is_bound(shared)
    assert not is_bound(behind(SIXTEEN))
    (warning,) = front_warnings.of_cells([shared, behind(SIXTEEN)])
    assert (warning.code, warning.grade, warning.cells) == ("fewer_cores", "note", [shared.id])
    assert "3 busy processes shared 2 cores" in warning.text


def open_loop(cpu_ns: int) -> Cell:
    """Load, front and producer use this much CPU time each in a second."""
    one = Slice(duration_ns=1_000_000_000, ok=10, consumer_cpu_ns=cpu_ns, front_cpu_ns=cpu_ns, producer_cpu_ns=cpu_ns)
    return behind(OpenLoad(rate_hz=50), fewer_cores="3 busy processes shared 2 cores", slices=Slices([one]))


def test_latencies_in_open_loop_are_warned_of_beyond_one_core() -> None:
    assert list(front_warnings.of_cells([open_loop(300_000_000)])) == []
    (warning,) = front_warnings.of_cells([open_loop(400_000_000)])
    assert (warning.code, warning.grade) == ("fewer_cores", "warning")
    assert "include waiting for a core" in warning.text


def test_calls_that_are_counted_differently_are_warned_of() -> None:
    wrong = CallsCounted(instance=0, sent=240, producers=[120, 119], front=[120, 120])
    (warning,) = front_warnings.of_cells([behind(ONE, replicas=2, calls=[wrong])])
    assert (warning.code, warning.grade) == ("calls_disagree", "warning")
    assert "the client sent 240, the producers counted 120 + 119, the front 120 + 120" in warning.text


def test_calls_in_one_place_are_noted() -> None:
    one = CallsCounted(instance=0, sent=240, producers=[240, 0])
    even = CallsCounted(instance=0, sent=240, producers=[120, 120], front=[120, 120])
    cells = [behind(ONE, replicas=2, calls=[one]), behind(SIXTEEN, replicas=2, calls=[even])]
    (warning,) = front_warnings.of_cells(cells)
    assert (warning.code, warning.grade, warning.cells) == ("calls_uneven", "note", [cells[0].id])
    assert "2 times its fair share" in warning.text
