"""The Wikibooks recipes, read from the downloaded file."""

import json
from pathlib import Path

import pytest

from recipes import wikibooks
from recipes.errors import SourceError
from tests.support.wikibooks import PAGES, RECIPES


@pytest.fixture
def data_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the data file, which does not exist yet."""
    file = tmp_path / "data" / "wikibooks" / "recipes_en-us.json"
    monkeypatch.setattr(wikibooks, "DATA_FILE", file)
    return file


@pytest.mark.parametrize("pages", [PAGES, list(PAGES.values())])
def test_the_downloaded_file_is_read(data_file: Path, pages: object) -> None:
    data_file.parent.mkdir(parents=True)
    data_file.write_text(json.dumps(pages, ensure_ascii=False), encoding="utf-8")
    assert wikibooks.read() == RECIPES


def test_a_missing_file_is_reported_with_the_command_to_download_it(data_file: Path) -> None:
    assert not data_file.exists()
    with pytest.raises(SourceError, match=r"^the wikibooks recipes are not downloaded yet: run `make data`$"):
        wikibooks.read()


def test_an_unreadable_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        wikibooks.read(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[" * 100_000,
        "{}",
        "5",
        '["Tea"]',
        '[{"title": "Tea", "ingredients": ["water"]}]',
        '[{"title": " ", "ingredients": [], "steps": []}]',
        '[{"title": "Tea", "ingredients": [5], "steps": []}]',
        '[{"title": "Tea", "ingredients": [], "steps": ["\\ud800"]}]',
    ],
    ids=lambda content: content[:40],
)
def test_a_file_of_another_format_is_an_error(tmp_path: Path, content: str) -> None:
    file = tmp_path / "recipes.json"
    file.write_text(content)
    with pytest.raises(SourceError, match=r"does not hold the wikibooks recipes: run `make data` again$"):
        wikibooks.read(file)
