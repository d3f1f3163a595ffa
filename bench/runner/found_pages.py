"""Pages are named by the recipes that they had: a target can have fewer than were asked for. Pure."""

from dataclasses import replace

from msgspec.structs import replace as struct_replace

from bench.results import RunWarning
from bench.runner.recording import RunRecording
from bench.spec import CellKey
from bench.stats.wording import some_of
from bench.workloads import Workload


def with_found_pages(recording: RunRecording) -> RunRecording:
    """The same recording with the name of each workload whose pages all had the same, smaller number of recipes."""
    names = _names(recording)

    def named(key: CellKey) -> CellKey:
        return struct_replace(key, workload=names.get(key.workload, key.workload))

    return replace(
        recording,
        cells=[replace(cell, key=named(cell.key)) for cell in recording.cells],
        sizes={named(key): sizes for key, sizes in recording.sizes.items()},
    )


def misnamed_pages(recording: RunRecording) -> list[RunWarning]:
    """A warning of each workload whose pages still are not what they are called. `recording` has the names found."""
    found = []
    for workload, sizes in _sizes(recording).items():
        cells = [cell for cell in recording.cells if cell.key.workload == workload and cell.page_size is not None]
        if sizes == {workload.page_size}:
            continue
        had = some_of([f"{cell.page_size} in {cell.key.label}" for cell in cells])
        text = (
            f"Pages of {workload.label} had fewer recipes than were asked for: {had}. Cells with different pages did "
            f"different work. Use a --page-size of at most {min(sizes)}."
        )
        found.append(RunWarning(code="smaller_pages", text=text, cells=[cell.key.label for cell in cells]))
    return found


def _sizes(recording: RunRecording) -> dict[Workload, set[int]]:
    """How many recipes pages had, by the workload."""
    sizes: dict[Workload, set[int]] = {}
    for cell in recording.cells:
        if cell.page_size is not None:
            sizes.setdefault(cell.key.workload, set()).add(cell.page_size)
    return sizes


def _names(recording: RunRecording) -> dict[Workload, Workload]:
    taken = {cell.key.workload for cell in recording.cells}
    names: dict[Workload, Workload] = {}
    for workload, sizes in _sizes(recording).items():
        named = struct_replace(workload, page_size=min(sizes))
        if len(sizes) == 1 and named not in taken:
            names[workload] = named
            taken.add(named)
    return names
