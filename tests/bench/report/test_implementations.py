"""The section on protocols and libraries."""

from msgspec.structs import replace

from bench.report import implementations, markdown
from bench.report.document import Document
from bench.report.run_document import document_of, instructions_document
from bench.results import Run
from tests.bench.stats.test_implementations import four
from tests.support.runs import run, small


def text_of(given: Run) -> str:
    section = implementations.section(given)
    assert section is not None
    return markdown.render(Document(sections=(section,)))


def test_a_sentence_and_a_table() -> None:
    text = text_of(run(four()))
    assert (
        "**gRPC to HTTP/JSON.** get: one recipe, without gzip and TLS: with the default implementations latency 2.00×, "
        "server CPU time 2.00× and server instructions 2.00×; over 4 pairs of implementations latency 1.60× to 2.50×, "
        "server CPU time 1.60× to 2.50× and server instructions 1.60× to 2.50×."
    ) in text
    assert "| gRPC to HTTP/JSON, get, plain | grpcio with threads | Granian | 2.00 (2.00–2.00) | 2.00 | 2.00 |" in text


def test_an_implementation_that_is_not_known_here_has_its_name() -> None:
    cells = [replace(each, implementation="nginx") if each.implementation == "granian" else each for each in four()]
    assert "| nginx |" in text_of(run(cells))


def test_other_configurations_are_details() -> None:
    cells = [*four(), *(replace(each, gzip=True, id=f"{each.id}-gzip") for each in four())]
    section = implementations.section(run(cells))
    assert section is not None
    (details,) = section.sections
    assert details.detail
    assert "get, gzip" in markdown.render(Document(sections=(details,)))


def test_the_section_is_in_the_reports_of_runs_and_of_instructions() -> None:
    given = run(four())
    counted = run([replace(each, load=None) for each in four()])
    for document in (document_of(given), instructions_document(counted)):
        assert [section.id for section in document.sections].count("implementations") == 1
    assert "implementations" not in [section.id for section in document_of(small()).sections]
