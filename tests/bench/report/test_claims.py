"""Claims as a page and as a section of a report."""

from typing import Any

from bench.report import claims, markdown
from bench.report.document import Document
from bench.report.run_document import document_of
from bench.results import Run
from bench.stats.published_claims import CLAIMS
from tests.bench.stats.test_claims import of
from tests.support.runs import HOSTILE, run


def two(**given: Any) -> Run:
    return run([of("http", 100e3), of("grpc", 200e3)], **given)


def test_a_row_for_each_claim() -> None:
    text = markdown.render(claims.document_of(two(command="python -m bench run --out /nowhere/run.json --seed 1")))
    assert "| 4. gRPC answers a small request 10 times as fast | does not hold | ≤ 0.100 | 2.00 (" in text
    assert "| 6. gRPC is faster than REST | does not hold | ≤ 1.00 | 2.00 (" in text
    assert "| 7. REST is faster than gRPC | holds | ≤ 1.00 | 0.500 (" in text
    assert (
        "| 3. gRPC sends 10 times as fast as JSON over HTTP | ≤ 0.100 | python -m bench run --workload create |" in text
    )
    assert "Checked: median latency, grpc-get-c1 ÷ http-get-c1: ≤ 0.100." in text
    assert f"**{len(CLAIMS)} claims: " in text
    assert all(f"{number}. {each.text}"[:30] in text for number, each in enumerate(CLAIMS, start=1))
    # Where the run file was written changes no result.
    assert "The run: python -m bench run --seed 1, " in text


def test_without_a_run_the_claims_and_their_tests() -> None:
    text = markdown.render(claims.document_of(None))
    assert "| 7. REST is faster than gRPC | ≤ 1.00 | median latency |" in text
    assert "holds |" not in text


def test_a_report_has_those_that_its_run_can_test_folded() -> None:
    (section,) = (each for each in document_of(two()).sections if each.id == "claims")
    assert section.detail
    text = markdown.render(Document(sections=(section,)))
    assert "7. REST is faster than gRPC" in text
    assert "3. gRPC sends" not in text
    assert "claims" not in [each.id for each in document_of(run([of("http", 100e3)], environment={})).sections]


def test_whatever_a_run_holds_is_escaped() -> None:
    text = markdown.render(claims.document_of(two(command=HOSTILE, started_at=HOSTILE)))
    assert "<script>" not in text
    assert "\x1b" not in text
