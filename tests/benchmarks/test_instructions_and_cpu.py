"""Instructions and CPU time are paired by configuration, for requests that were timed one at a time."""

from msgspec.structs import asdict, replace

from bench.results import Cell, InstructionCount, Instructions
from bench.stats.instructions import estimate
from benchmarks.instructions_and_cpu import pairs
from tests.support.runs import run, small


def test_cells_are_paired_without_their_load() -> None:
    timed = small()
    count = InstructionCount(
        per_request=estimate([5e5] * 6), system_calls=15, by_library={}, windows=[5e5] * 6, requests_per_window=64
    )
    keys = dict.fromkeys(replace(cell.key, load=None) for cell in timed.cells)
    counted = run([Cell(**asdict(key), id=key.label, instructions=Instructions(producer=count)) for key in keys])
    found = {cell.id: (instructions, cpu_ns) for cell, instructions, cpu_ns in pairs(counted, timed, "producer")}
    with_cpu = [cell for cell in timed.cells if cell.measures_latency and cell.cpu_us_per_request is not None]
    assert found
    for cell in with_cpu:
        assert cell.cpu_us_per_request is not None
        assert cell.cpu_us_per_request.producer is not None
        assert found[cell.id] == (5e5, cell.cpu_us_per_request.producer.value * 1000)
    assert list(pairs(counted, timed, "consumer")) == []
