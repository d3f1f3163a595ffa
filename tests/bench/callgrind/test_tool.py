"""The environment of counted processes."""

from bench.callgrind.tool import counted_environment


def test_processes_of_one_instance_have_the_same_environment() -> None:
    assert counted_environment(3) == counted_environment(3)


def test_instances_differ_in_their_hashes_and_in_what_is_in_memory() -> None:
    environments = [counted_environment(instance) for instance in range(1, 13)]
    assert len({each["PYTHONHASHSEED"] for each in environments}) == 12
    assert len({sum(map(len, each.values())) for each in environments}) == 12


def test_without_versions_to_compare_nothing_is_added_to_memory() -> None:
    assert set(counted_environment()) == {"PYTHONHASHSEED", "GLIBC_TUNABLES"}
