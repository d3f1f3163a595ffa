"""The version of the project is the newest one in the changelog."""

from pathlib import Path

import pytest

from commands import command_line
from tests.check_version import app, disagreement

ROOT = Path(__file__).parent.parent
PROJECT = '[project]\nversion = "0.2.0"\n'


def test_this_project_agrees() -> None:
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "CHANGELOG.md")]
    assert disagreement(*texts) is None


@pytest.mark.parametrize(
    ("changelog", "reason"),
    [
        ("# Changelog\n", "has no section"),
        ("# Changelog\n\n## [Unreleased]\n", "is `## [Unreleased]`"),
        ("## [0.2.0]\n", "is `## [0.2.0]`"),
        ("## [0.1.0] - 2026-11-27\n", "version 0.2.0, the newest section of the changelog is 0.1.0"),
        ("## [0.3.0] - 2026-11-29\n\n## [0.2.0] - 2026-11-28\n", "is 0.3.0"),
    ],
)
def test_a_disagreement_is_named(changelog: str, reason: str) -> None:
    assert reason in str(disagreement(PROJECT, changelog))


def test_the_command_fails_when_they_disagree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pyproject, changelog = tmp_path / "pyproject.toml", tmp_path / "CHANGELOG.md"
    pyproject.write_text(PROJECT)

    def check(text: str) -> int:
        changelog.write_text(text)
        return command_line.run(app, "check_version", [str(pyproject), str(changelog)])

    assert check("## [0.2.0] - 2026-11-28\n") == 0
    assert check("## [0.1.0] - 2026-11-27\n") == 1
    assert "0.1.0" in capsys.readouterr().err
    pyproject.write_text("[project")
    assert check("## [0.2.0] - 2026-11-28\n") == 2
