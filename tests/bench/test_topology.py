"""Physical cores, siblings and kinds of cores, read from the files of several machines; who is pinned where."""

import os
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import pytest

from bench import machine
from bench.machine import NOT_PINNED, Busy, Pinning, pinning_for
from bench.topology import Core, Topology, cpu_list, kinds_by_speed, read_topology
from tests.support.fake_system import devices, write_all

Cores = dict[tuple[int, ...], int]
HYPERTHREADS: Cores = {(0, 4): 0, (1, 5): 0, (2, 6): 0, (3, 7): 0}
HYBRID: Cores = {**{(2 * core, 2 * core + 1): 0 for core in range(6)}, **{(cpu,): 0 for cpu in range(12, 20)}}
"""Six performance cores with two hyperthreads each, then eight efficiency cores."""
TWO_PACKAGES: Cores = {(cpu,): cpu // 4 for cpu in range(8)}


def topology_of(root: Path, cores: Cores, speeds: Mapping[str, Mapping[int, int]] | None = None) -> Topology:
    return read_topology([], devices(root, cores, speeds or {}))


@pytest.mark.parametrize(
    ("text", "cpus"), [("0", (0,)), ("0-3,8\n", (0, 1, 2, 3, 8)), ("7,0-1", (0, 1, 7)), ("\n", ())]
)
def test_lists_of_cpus_are_read_as_the_kernel_writes_them(text: str, cpus: tuple[int, ...]) -> None:
    assert cpu_list(text) == cpus


def test_siblings_are_one_core(tmp_path: Path) -> None:
    found = topology_of(tmp_path, HYPERTHREADS)
    assert [core.cpus for core in found.cores] == [(0, 4), (1, 5), (2, 6), (3, 7)]
    assert found.siblings([0, 7]) == (3, 4)
    assert found.of([4, 0, 1]) == (Core((0, 4)), Core((1, 5)))


def test_without_lists_of_siblings_cores_are_identified_by_their_numbers(tmp_path: Path) -> None:
    """Cores are numbered within a package, so core 0 exists twice."""
    files = {
        f"system/cpu/cpu{cpu}/topology/{name}": value
        for cpu, (package, core) in enumerate([(0, 0), (0, 0), (1, 0), (1, 1)])
        for name, value in (("physical_package_id", package), ("core_id", core))
    }
    found = read_topology([], write_all(tmp_path, files))
    assert [(core.cpus, core.package) for core in found.cores] == [((0, 1), 0), ((2,), 1), ((3,), 1)]


@pytest.mark.parametrize("files", [{}, {"system/cpu/cpu0/topology/core_id": -1, "system/cpu/cpu0/cpu_capacity": "?"}])
def test_cpus_that_the_system_does_not_describe_are_cores_of_their_own(
    tmp_path: Path, files: Mapping[str, object]
) -> None:
    assert read_topology([0, 1], write_all(tmp_path, files)) == Topology((Core((0,)), Core((1,))))


@pytest.mark.parametrize(
    "files",
    [
        {"cpu_core/cpus": "0-11", "cpu_atom/cpus": "12-19"},
        {f"system/cpu/cpu{cpu}/cpu_capacity": 1024 if cpu < 12 else 640 for cpu in range(20)},
        {f"system/cpu/cpu{cpu}/cpufreq/cpuinfo_max_freq": 4_700_000 if cpu < 12 else 3_400_000 for cpu in range(20)},
        {
            f"system/cpu/cpu{cpu}/{name}": speed
            for cpu in range(20)
            for name, speed in (("cpu_capacity", 1024), ("cpufreq/cpuinfo_max_freq", 5_100 if cpu < 12 else 3_300))
        },
    ],
    ids=["lists of kinds", "capacity", "frequency", "equal capacity, different frequency"],
)
def test_efficiency_cores_are_recognized_and_avoided(tmp_path: Path, files: Mapping[str, object]) -> None:
    devices(tmp_path, HYBRID, {})
    found = read_topology([], write_all(tmp_path, files))
    assert [core.kind for core in found.cores] == [0] * 6 + [1] * 8
    pinning = pinning_for(found, range(20))
    assert (pinning.producer, pinning.load, pinning.siblings) == ((10,), (0,), (1, 11))
    assert pinning.apart


def test_cores_of_one_kind_may_differ_a_little_in_speed() -> None:
    favoured = {0: 5_800, 1: 5_500, 2: 5_500, 3: 4_300}
    assert kinds_by_speed(favoured) == {0: 0, 1: 0, 2: 0, 3: 1}
    assert kinds_by_speed({0: 1024, 1: 760, 2: 300}) == {0: 0, 1: 1, 2: 2}
    assert kinds_by_speed({}) == {}


def test_a_front_gets_a_core_of_its_own_and_then_further_producers_do(tmp_path: Path) -> None:
    found = topology_of(tmp_path, HYPERTHREADS)
    three = pinning_for(found, range(8), busy=Busy(producers=3, front=True))
    assert (three.load, three.front, three.producer) == ((0,), (1,), (3, 2))
    assert (three.between, three.siblings, three.apart) == ((1,), (4, 5, 6, 7), True)
    assert pinning_for(found, range(8), busy=Busy(producers=9)).producer == (3, 1, 2)


def test_on_two_cores_a_front_runs_on_both(tmp_path: Path) -> None:
    pinning = pinning_for(topology_of(tmp_path, HYPERTHREADS), (0, 1), busy=Busy(producers=2, front=True))
    assert (pinning.load, pinning.front, pinning.producer, pinning.between) == ((0,), (), (1,), (0, 1))
    assert pinning.apart


def test_producers_and_load_get_a_physical_core_each(tmp_path: Path) -> None:
    pinning = pinning_for(topology_of(tmp_path, HYPERTHREADS), range(8))
    assert pinning == Pinning((3,), (0,), siblings=(4, 7), starting=tuple(range(8)))
    assert pinning.apart
    assert pinning.may_spin == (0, 3)


def test_two_siblings_are_pinned_and_not_apart(tmp_path: Path) -> None:
    found = topology_of(tmp_path, {(0, 1): 0})
    pinning = pinning_for(found, (0, 1))
    assert (pinning.producer, pinning.load) == ((1,), (0,))
    assert not pinning.apart
    assert pinning.may_spin == ()


def test_a_process_that_may_use_one_core_of_many_is_not_apart(tmp_path: Path) -> None:
    pinning = pinning_for(topology_of(tmp_path, HYPERTHREADS), (2, 6))
    assert (pinning.producer, pinning.load, pinning.starting) == ((6,), (2,), (2, 6))
    assert not pinning.apart


def test_a_usable_sibling_stands_for_its_core(tmp_path: Path) -> None:
    pinning = pinning_for(topology_of(tmp_path, HYPERTHREADS), (4, 6, 7))
    assert (pinning.producer, pinning.load, pinning.siblings) == ((7,), (4,), (0, 3))
    assert pinning.apart


def test_both_cores_are_of_one_package_and_processes_start_there(tmp_path: Path) -> None:
    pinning = pinning_for(topology_of(tmp_path, TWO_PACKAGES), range(8))
    assert pinning == Pinning((3,), (0,), starting=(0, 1, 2, 3))
    pinning = pinning_for(topology_of(tmp_path, TWO_PACKAGES), (3, 4, 5))
    assert pinning == Pinning((5,), (4,), starting=(4, 5))


def test_cores_of_one_kind_come_before_faster_ones_of_two_kinds() -> None:
    found = Topology((Core((0,), kind=0), Core((1,), kind=1), Core((2,), kind=1)))
    assert pinning_for(found, (0, 1, 2)) == Pinning((2,), (1,), starting=(0, 1, 2))
    assert pinning_for(found, (0, 2)) == Pinning((0,), (2,), starting=(0, 2))


def test_one_cpu_or_no_choice_pins_nothing() -> None:
    found = Topology((Core((0,)), Core((1,))))
    assert pinning_for(found, (1,)) == NOT_PINNED
    assert pinning_for(found, (0, 1), can_pin=False) == NOT_PINNED
    assert not NOT_PINNED.apart


def test_the_same_cpu_for_both_is_not_apart() -> None:
    assert not Pinning((0,), (0,)).apart
    assert Pinning((1,), (0,)).apart


def test_the_cores_of_this_machine_have_each_cpu_once() -> None:
    usable = machine.usable_cpus()
    found = read_topology(usable)
    assert {*usable} <= {cpu for core in found.cores for cpu in core.cpus}
    assert all(not {*one.cpus} & {*other.cpus} for one, other in combinations(found.cores, 2))
    pinning = machine.pinning_here()
    assert pinning.apart == (hasattr(os, "sched_setaffinity") and len(found.of(usable)) > 1)
    assert {*pinning.producer, *pinning.load} <= {*pinning.starting} <= {*usable}
