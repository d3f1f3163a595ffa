"""What the docs refer to exists: files, modules, tests, and flags of the bench's commands."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from bench.__main__ import app

ROOT = Path(__file__).parent.parent
DOCS = sorted(
    path
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "docs").rglob("*.yml"),
    )
    if "node_modules" not in path.parts
)
FOLDERS = "bench|benchmarks|commands|consumers|docs|producers|protos|recipes|tests"

each_doc = pytest.mark.parametrize("doc", DOCS, ids=lambda doc: str(doc.relative_to(ROOT)))


@each_doc
def test_relative_links_lead_to_files(doc: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", doc.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (doc.parent / link).exists()]
    assert missing == []


@each_doc
def test_paths_and_modules_exist(doc: Path) -> None:
    text = doc.read_text(encoding="utf-8")
    paths = re.findall(rf"`((?:{FOLDERS})/[\w./-]*)`", text)
    modules = [Path(*name.split(".")) for name in re.findall(rf"python -m ((?:{FOLDERS})\b[\w.]*\w)", text)]
    missing = [path for path in paths if not (ROOT / path).exists()]
    missing += [
        str(module)
        for module in modules
        if not (ROOT / module / "__main__.py").exists() and not (ROOT / module).with_suffix(".py").exists()
    ]
    assert missing == []


@each_doc
def test_tests_exist(doc: Path) -> None:
    text = doc.read_text(encoding="utf-8")
    named = set(re.findall(r"\b(test_\w+)", text))
    if doc.name == "conformance.md":
        named |= {f"test_{name}" for name in re.findall(r"`(\w+_\w+)`", text)}
    files = list((ROOT / "tests").rglob("test_*.py"))
    functions = {name for file in files for name in re.findall(r"def (test_\w+)", file.read_text(encoding="utf-8"))}
    assert named - {file.stem for file in files} - functions == set()


@each_doc
def test_commands_of_the_bench_take_the_flags_shown(doc: Path) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    text = doc.read_text(encoding="utf-8").replace("\\\n", " ")
    shown = re.findall(r"python -m bench (\w+)([^#`]*?)(?=$|`|#)", text, re.MULTILINE)
    shown += re.findall(r"`python -m bench (\w+)([^`]*)`", text)
    unknown = []
    for name, arguments in shown:
        command = commands.get(name)
        words = arguments.split()
        if command is not None and words and hasattr(command, "commands"):
            command = command.commands.get(words[0])
        known = set() if command is None else {each for option in command.params for each in option.opts}
        unknown += [f"{name} {flag}" for flag in re.findall(r"--[a-z-]+", arguments) if flag not in known]
    assert unknown == []


def test_the_citation_is_of_the_newest_version() -> None:
    """By the keys of the Citation File Format 1.2.0."""
    required = ["cff-version", "message", "title", "authors"]
    others = ["type", "abstract", "version", "date-released", "license", "keywords"]
    lines = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    found = dict(re.findall(r"^([a-z-]+): ?(.*)$", "\n".join(lines), re.MULTILINE))
    assert set(required) <= set(found) <= {*required, *others}
    newest = re.search(r"^## \[(.+)\] - (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert (found["version"], found["date-released"]) == newest.groups()
