"""Files as the kernel shows them, of machines that are not at hand."""

from collections.abc import Mapping
from pathlib import Path


def write_all(root: Path, files: Mapping[str, object]) -> Path:
    """Write these files, each a path below `root` with its content. Returns `root`."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n", encoding="ascii")
    return root


def devices(root: Path, cores: Mapping[tuple[int, ...], int], speeds: Mapping[str, Mapping[int, int]]) -> Path:
    """/sys/devices of a machine: each core's CPUs with its package, and speeds of CPUs by the name of their file."""
    files: dict[str, object] = {}
    for number, (cpus, package) in enumerate(cores.items()):
        for cpu in cpus:
            topology = f"system/cpu/cpu{cpu}/topology"
            files |= {
                f"{topology}/thread_siblings_list": ",".join(map(str, cpus)),
                f"{topology}/core_id": number,
                f"{topology}/physical_package_id": package,
            }
    files |= {f"system/cpu/cpu{cpu}/{name}": speed for name, of in speeds.items() for cpu, speed in of.items()}
    return write_all(root, files)
