"""Versions of the producers: from a commit of this repository, from a directory, or this checkout."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bench.environment import IMPLEMENTATIONS, REQUIREMENTS
from bench.machine import Pinning
from bench.plan import Version
from bench.runner.session import Session
from bench.runner.versions import CannotBuild, build
from recipes.installation import ROOT


def commit_of_the_same_requirements() -> str:
    """An earlier commit with the same requirements, because installing others takes a minute."""
    done = subprocess.run(
        ["git", "rev-list", "--max-count=1", "HEAD", "--", str(REQUIREMENTS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_this_checkout_is_used_directly(tmp_path: Path) -> None:
    assert build(Version(name="current"), tmp_path) == Version(name="current")
    assert list(tmp_path.iterdir()) == []


async def test_a_commit_is_built_separately_and_serves(tmp_path: Path) -> None:
    reference = commit_of_the_same_requirements()
    version = build(Version(name="before", reference=reference), tmp_path)
    assert version.directory.startswith(str(tmp_path))
    assert version.python == ""
    async with Session(Pinning((), ())) as session:
        producer = await session.start_producer(
            "http", recipes="generated:3", directory=version.directory, python=version.python
        )
        assert psutil.Process(producer.pid).environ()["PYTHONPATH"] == version.directory


def test_a_directory_with_a_checkout_is_used_unchanged(tmp_path: Path) -> None:
    version = build(Version(name="here", reference=str(ROOT)), tmp_path)
    assert version.directory == str(ROOT)
    assert version.python == ""


def test_every_version_is_compiled(tmp_path: Path, checkout: Path) -> None:
    """Else processes of some would compile their code while they start, and not those of others."""
    build(Version(name="there", reference=str(checkout)), tmp_path)
    commit = build(Version(name="before", reference=commit_of_the_same_requirements()), tmp_path)
    build(Version(name="current"), tmp_path)
    for directory in (checkout, Path(commit.directory), ROOT):
        assert list((directory / "producers" / "__pycache__").glob("__main__.*.pyc"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that requires nothing, as no file says what it requires."""
    checkout = tmp_path / "checkout"
    (checkout / "producers").mkdir(parents=True)
    (checkout / "producers" / "__main__.py").touch()
    (checkout / "requirements").mkdir()
    return checkout


def test_requirements_of_implementations_count_where_they_take_part(tmp_path: Path, checkout: Path) -> None:
    (checkout / IMPLEMENTATIONS).write_text("# nothing\n")
    aside = tmp_path / "aside"
    aside.mkdir()
    version = Version(name="lean", reference=str(checkout))
    assert build(version, aside).python == ""
    assert build(version, aside, alternatives=True).python == str(aside / "venv" / "bin" / "python")


def test_a_version_with_other_requirements_gets_its_own_environment(tmp_path: Path, checkout: Path) -> None:
    (checkout / REQUIREMENTS).write_text("# nothing\n")
    aside = tmp_path / "aside"
    aside.mkdir()
    version = build(Version(name="lean", reference=str(checkout)), aside)
    assert version.python == str(aside / "venv" / "bin" / "python")
    assert version.python != sys.executable
    assert Path(version.python).exists()


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("no-such-branch", "neither a commit of this repository nor a directory"),
        ("--exec=true", "neither a commit"),
        ("e3d26df7a2a6d2b0d1a2ea5f7c0b0d3b6f0a0a0a", "neither a commit"),
    ],
)
def test_an_invalid_version_is_named(reference: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(CannotBuild, match=reason) as caught:
        build(Version(name="x", reference=reference), tmp_path)
    assert reference in str(caught.value)


def test_requirements_that_cannot_be_installed_are_an_error(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "producers").mkdir(parents=True)
    (checkout / "producers" / "__main__.py").touch()
    (checkout / "requirements").mkdir()
    (checkout / "requirements" / "run.txt").write_text("not-hashed==1\n")
    with pytest.raises(CannotBuild, match="cannot be installed"):
        build(Version(name="x", reference=str(checkout)), tmp_path)
