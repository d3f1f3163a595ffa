"""The report of counted instructions: what stands first, tables, charts, and what is said to be missing."""

from msgspec.structs import asdict, replace

from bench.report import html, markdown
from bench.report.instructions import nothing_timed, sections
from bench.report.run_document import document_of
from bench.results import Cell, InstructionCount, Instructions, Run
from bench.spec import CellKey
from bench.stats.instructions import estimate
from tests.support.runs import run, small


def count(instructions: float, *shares: tuple[str, float], instances: int = 0) -> InstructionCount:
    return InstructionCount(
        per_request=estimate([instructions * factor for factor in (0.999, 1, 1, 1, 1, 1.001)]),
        system_calls=15.04,
        by_library={name: share * instructions for name, share in shares},
        windows=[instructions] * (instances or 6),
        instance=list(range(1, instances + 1)),
        requests_per_window=128,
    )


def cell(key: CellKey, found: Instructions | None) -> Cell:
    return Cell(**asdict(key), id=key.label, instructions=found)


def counted() -> Run:
    python, zlib = ("libpython3.11.so.1.0", 0.75), ("libz.so.1.2.13", 0.25)
    both = Instructions(producer=count(200_000.0, python, zlib), consumer=count(400_000.0, python, zlib))
    grpc = Instructions(producer=count(440_000.0, ("grpc/_cython/cygrpc", 1.0)))
    return run([cell(CellKey(protocol="http"), both), cell(CellKey(protocol="grpc"), grpc)])


def test_the_result_stands_first() -> None:
    conclusion = document_of(counted()).conclusion
    assert conclusion is not None
    assert conclusion.text == (
        "Instructions of the server per request. get: one recipe, plain: HTTP/JSON 200.0 thousand, gRPC 2.20 times."
    )


def test_tables_show_counts_parts_and_libraries() -> None:
    text = markdown.render(document_of(counted()))
    assert "Not counted: the kernel, waiting" in text
    rows = [[place.strip() for place in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    assert ["plain", "HTTP/JSON", "200.0", "0.10", "1.00", "15.0", "400.0", "0.10", "1.00", "15.0"] in rows
    assert ["plain", "gRPC", "440.0", "0.10", "2.20", "15.0", "–", "–", "–", "–"] in rows
    assert ["plain", "HTTP/JSON", "75.0", "–", "25.0"] in rows
    assert ["plain", "gRPC", "server", "grpc/\\_cython/cygrpc", "440.0", "100.0"] in rows


def test_what_fronts_execute_stands_beside_servers_with_them_and_without() -> None:
    python = ("python3.11", 1.0)
    direct = Instructions(producer=count(200_000.0, python), consumer=count(400_000.0, python))
    behind = Instructions(
        producer=count(210_000.0, python),
        front=count(30_000.0, ("haproxy", 0.9), ("libc.so.6", 0.1)),
        consumer=count(400_000.0, python),
    )
    document = document_of(
        run(
            [
                cell(CellKey(protocol="http"), direct),
                cell(CellKey(protocol="http", front="haproxy"), behind),
                cell(CellKey(protocol="grpc", front="haproxy"), behind),
            ]
        )
    )
    assert document.conclusion is not None
    assert document.conclusion.text == (
        "Instructions of the server per request. get: one recipe, plain: HTTP/JSON 200.0 thousand. "
        "Of the front, get: one recipe, plain: HAProxy 30.0 thousand (HTTP/JSON), 30.0 thousand (gRPC)."
    )
    text = markdown.render(document)
    rows = [[place.strip() for place in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    both = ["30.0", "0.10", "15.0", "200.0", "210.0", "400.0", "400.0"]
    assert ["HAProxy", "plain", "HTTP/JSON", *both] in rows
    assert ["HAProxy", "plain", "gRPC", "30.0", "0.10", "15.0", "–", "210.0", "–", "400.0"] in rows
    assert ["plain", "HTTP/JSON", "front", "haproxy", "27.0", "90.0"] in rows
    assert "get: one recipe, behind HAProxy: instructions of the front" in html.render(document).decode()


def test_what_could_not_be_counted_is_listed_with_the_reason() -> None:
    key = CellKey(protocol="grpc", front="haproxy")
    lacking = replace(cell(key, None), status="unsupported", reason="HAProxy: it cannot")
    done = counted()
    assert "Without a result" not in markdown.render(document_of(done))
    text = markdown.render(document_of(replace(done, cells=[*done.cells, lacking])))
    assert "| grpc-get-haproxy | unsupported | HAProxy: it cannot |" in " ".join(text.split())


def test_a_page_has_a_chart_of_each_side() -> None:
    page = html.render(document_of(counted())).decode()
    assert "get: one recipe: instructions of the server" in page
    assert "get: one recipe: instructions of the client" in page


def test_versions_are_compared_first() -> None:
    before, after = (
        cell(
            CellKey(protocol="http", version=name),
            Instructions(producer=count(value, ("python3.11", 1.0), instances=4)),
        )
        for name, value in (("main", 200_000.0), ("current", 210_000.0))
    )
    both = run([before, after])
    both = replace(both, plan=replace(both.plan, instruction_threshold=0.01))
    document = document_of(both)
    assert document.conclusion is not None
    assert document.conclusion.alarming
    assert document.conclusion.text == "1 regression, more instructions by more than 1 %: current-http-get."
    assert "| current-http-get | 200.0 | 210.0 | +5.00 | +5.00 to +5.00 | 4 | more |" in " ".join(
        markdown.render(document).split()
    )


def test_a_run_that_timed_something_keeps_its_report() -> None:
    timed = small()
    assert not nothing_timed(timed)
    assert list(sections(timed)) == []
    beside = replace(timed.cells[0], instructions=Instructions(producer=count(200_000.0, ("python3.11", 1.0))))
    both = replace(timed, cells=[beside, *timed.cells[1:]])
    ids = [section.id for section in document_of(both).sections]
    assert {"latency", "instructions"} <= set(ids)
