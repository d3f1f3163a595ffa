"""Page faults and latency of load processes, by how they keep freed memory."""

import sys

import pytest

from benchmarks.freed_memory import KINDS, Found, compare, table

DEFAULT, KEPT = KINDS


def test_processes_with_page_faults_have_a_latency_of_their_own() -> None:
    found = [Found(DEFAULT, 2.1, 240), Found(DEFAULT, 0.9, 170), Found(DEFAULT, 0.1, 190), Found(KEPT, 0.0, 175)]
    assert table(found).splitlines()[2:] == [
        f"| {DEFAULT} | 3 | 1 | 240 µs | 180 µs |",
        f"| {KEPT} | 1 | 0 | – | 175 µs |",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="page faults are read from /proc")
async def test_each_kind_is_measured_in_processes_of_its_own() -> None:
    found = await compare(1, slice_ns=20_000_000)
    assert [each.kind for each in found] == [DEFAULT, KEPT]
    assert all(each.p50_us > 0 for each in found)
    assert found[1].page_faults < 1
