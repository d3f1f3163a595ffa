"""`bench front list`: what is installed, and the same in the docs."""

from pathlib import Path

from bench.fronts.registry import FRONTS
from bench.report import fronts, markdown
from tests.support.programs import run_here

DOCS = Path(__file__).parents[3] / "docs" / "fronts.md"


def test_every_front_is_listed_with_its_version_or_what_to_install() -> None:
    listed = run_here("bench", "front", "list")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert all(
        f"\n{row.name}: {row.title} " in listed.stdout or row.install in listed.stdout for row in FRONTS.values()
    )


def test_the_docs_show_what_is_true_of_fronts() -> None:
    assert markdown.render(fronts.document_of()) in DOCS.read_text(encoding="utf-8")


def test_what_is_not_installed_says_what_to_install() -> None:
    shown = markdown.render(fronts.document_of({"nginx": "1.22.1"}))
    assert "**nginx: nginx 1.22.1**\n\n- balances" in shown
    assert "**envoy: Envoy**\n\n- not installed: run \\`make fronts\\`" in shown
