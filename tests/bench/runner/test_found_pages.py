"""Pages are called by the recipes that they had, and a warning says where that cannot be."""

from bench.load import messages
from bench.load_models import ClosedLoad
from bench.runner.found_pages import misnamed_pages, with_found_pages
from bench.runner.recording import CellRecording, RunRecording
from bench.spec import CellKey
from bench.wire.reading import NOTHING_KNOWN
from bench.workloads import Workload


def recording(*pages: tuple[str, int, int]) -> RunRecording:
    """Cells by protocol, page size that was asked for, and recipes that came."""
    cells = [
        CellRecording(
            CellKey(protocol=protocol, workload=Workload(name="list", page_size=asked), load=ClosedLoad(concurrency=1)),
            page_size=found,
        )
        for protocol, asked, found in pages
    ]
    cells.append(CellRecording(CellKey(protocol="http", load=ClosedLoad(concurrency=1))))
    return RunRecording(cells, {cell.key.message: messages.SizesRead(bytes=NOTHING_KNOWN) for cell in cells})


def labels(found: RunRecording) -> list[str]:
    return [cell.key.label for cell in found.cells]


def test_full_pages_keep_their_names() -> None:
    found = with_found_pages(recording(("http", 20, 20), ("grpc", 20, 20)))
    assert labels(found) == ["http-list20-c1", "grpc-list20-c1", "http-get-c1"]
    assert misnamed_pages(found) == []


def test_smaller_pages_are_renamed_with_their_sizes() -> None:
    found = with_found_pages(recording(("http", 20, 7), ("grpc", 20, 7), ("http", 5, 5)))
    assert labels(found) == ["http-list7-c1", "grpc-list7-c1", "http-list5-c1", "http-get-c1"]
    assert {key.label for key in found.sizes} == {"http-list7", "grpc-list7", "http-list5", "http-get"}
    assert misnamed_pages(found) == []


def test_pages_that_differ_between_protocols_have_a_warning() -> None:
    found = with_found_pages(recording(("http", 20, 7), ("grpc", 20, 20)))
    assert labels(found) == ["http-list20-c1", "grpc-list20-c1", "http-get-c1"]
    (warning,) = misnamed_pages(found)
    assert warning.cells == ["http-list20-c1", "grpc-list20-c1"]
    assert "7 in http-list20-c1, 20 in grpc-list20-c1" in warning.text
    assert "--page-size of at most 7" in warning.text


def test_two_page_sizes_do_not_get_the_same_name() -> None:
    found = with_found_pages(recording(("http", 20, 7), ("http", 50, 7)))
    assert labels(found) == ["http-list7-c1", "http-list50-c1", "http-get-c1"]
    assert [warning.cells for warning in misnamed_pages(found)] == [["http-list50-c1"]]
