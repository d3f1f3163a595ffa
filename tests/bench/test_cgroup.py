"""CPU quotas and throttling of both versions of control groups, with and without a container."""

from pathlib import Path

import pytest

from bench.cgroup import ThrottleClock, Throttling, cpu_quota
from tests.support.fake_system import write_all

MOUNT = "{} 23 0:28 {} /sys/fs/cgroup{} rw,relatime shared:9 - {} {} rw{}"
VERSION_1 = "\n".join(
    [
        "22 1 0:20 / / rw - overlay overlay rw",
        MOUNT.format(31, "/", "", "tmpfs", "tmpfs", ",mode=755"),
        MOUNT.format(32, "{root}", "/cpu,cpuacct", "cgroup", "cgroup", ",cpu,cpuacct"),
        MOUNT.format(33, "{root}", "/memory", "cgroup", "cgroup", ",memory"),
        MOUNT.format(34, "/", "/unified", "cgroup2", "cgroup2", ""),
    ]
)
VERSION_2 = MOUNT.format(31, "/", "", "cgroup2", "cgroup2", ",nsdelegate")


def version_1(root: Path, path: str, mounted: str, groups: dict[str, tuple[int, int]]) -> Path:
    """Quotas in µs with their periods, by the path of the group below its mount point."""
    of = f"9:name=systemd:/\n4:memory:{path}\n1:cpu,cpuacct:{path}\n0::/"
    write_all(root, {"proc/self/cgroup": of, "proc/self/mountinfo": VERSION_1.format(root=mounted)})
    for group, (quota_us, period_us) in groups.items():
        files = {"cpu.cfs_quota_us": quota_us, "cpu.cfs_period_us": period_us, "cpu.stat": stat(0, 0)}
        write_all(root / "sys/fs/cgroup/cpu,cpuacct" / group, files)
    return root


def version_2(root: Path, path: str, groups: dict[str, str]) -> Path:
    """Contents of cpu.max by the path of the group below the mount point."""
    write_all(root, {"proc/self/cgroup": f"0::{path}", "proc/self/mountinfo": VERSION_2})
    for group, limit in groups.items():
        write_all(root / "sys/fs/cgroup" / group, {"cpu.max": limit, "cpu.stat": stat(0, 0)})
    return root


def stat(periods: int, throttled: int) -> str:
    return f"usage_usec 81\nnr_periods {periods}\nnr_throttled {throttled}\nthrottled_usec 7"


@pytest.mark.parametrize(
    ("path", "mounted", "groups", "cores"),
    [
        ("/docker/abc", "/", {"docker/abc": (150_000, 100_000), "docker": (-1, 100_000)}, 1.5),
        ("/docker/abc", "/", {"docker/abc": (-1, 100_000), "docker": (-1, 100_000)}, None),
        ("/docker/abc", "/", {"docker/abc": (400_000, 100_000), "docker": (25_000, 50_000)}, 0.5),
        ("/docker/abc", "/docker/abc", {"": (50_000, 100_000)}, 0.5),
        ("/docker/abc/inner", "/docker/abc", {"inner": (-1, 100_000), "": (50_000, 100_000)}, 0.5),
        ("/../outside", "/", {"": (50_000, 100_000)}, 0.5),
    ],
    ids=["own", "none", "of the group around it", "mounted", "inside the mounted", "outside the namespace"],
)
def test_the_least_quota_of_version_1_counts(
    tmp_path: Path, path: str, mounted: str, groups: dict[str, tuple[int, int]], cores: float | None
) -> None:
    assert cpu_quota(version_1(tmp_path, path, mounted, groups)) == cores


@pytest.mark.parametrize(
    ("path", "groups", "cores"),
    [
        ("/", {}, None),
        ("/", {"": "50000 100000"}, 0.5),
        ("/pods/pod/one", {"pods/pod/one": "max 100000", "pods/pod": "300000 100000", "pods": "max 100000"}, 3.0),
        ("/pods/pod/one", {"pods/pod/one": "120000 100000", "pods/pod": "300000 100000"}, 1.2),
        ("/../../outside", {"": "50000 100000"}, 0.5),
    ],
)
def test_the_least_quota_of_version_2_counts(
    tmp_path: Path, path: str, groups: dict[str, str], cores: float | None
) -> None:
    assert cpu_quota(version_2(tmp_path, path, groups)) == cores


def test_without_control_groups_there_is_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None
    assert ThrottleClock(tmp_path).so_far() is None


def test_throttled_periods_are_counted_from_the_start_of_the_clock(tmp_path: Path) -> None:
    root = version_2(tmp_path, "/pods/one", {"pods/one": "50000 100000", "pods": "300000 100000"})
    group = root / "sys/fs/cgroup/pods"
    write_all(group, {"one/cpu.stat": stat(100, 90), "cpu.stat": stat(1000, 3)})
    clock = ThrottleClock(root)
    assert clock.so_far() == Throttling(0, 0)
    write_all(group, {"one/cpu.stat": stat(332, 321), "cpu.stat": stat(1232, 4)})
    assert clock.so_far() == Throttling(232, 231)


def test_without_a_quota_there_is_no_throttling(tmp_path: Path) -> None:
    root = version_1(tmp_path, "/docker/abc", "/", {"docker/abc": (-1, 100_000)})
    assert ThrottleClock(root).so_far() is None


def test_the_share_of_throttled_periods() -> None:
    assert Throttling(8, 2).share == 0.25
    assert Throttling(0, 0).share == 0.0


def test_the_quota_of_this_process_is_a_number_of_cores_or_none() -> None:
    quota, throttling = cpu_quota(), ThrottleClock().so_far()
    assert quota is None or quota > 0
    assert (throttling is None) == (quota is None)
