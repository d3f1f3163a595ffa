"""A copy of the lab to which a test adds an extension: what it needs is exactly what the test writes."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import environment

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("bench", "commands", "consumers", "producers", "protos", "recipes")
PATIENCE_S = 120.0
SMALL = ("--gzip", "off", "--tls", "off", "--concurrency", "1", "--instances", "1", "--rounds", "2", "--slice-ms", "2")


@dataclass(frozen=True, slots=True)
class Lab:
    """The copy."""

    root: Path

    def add(self, files: Mapping[str, str], lines: Mapping[str, tuple[str, str]]) -> None:
        """Write new `files`, and replace `lines` in existing files: by path, a line and its replacement."""
        for path, text in files.items():
            assert not (self.root / path).exists(), f"{path} is there already"
            (self.root / path).write_text(text, encoding="utf-8")
        for path, (line, replacement) in lines.items():
            before = (self.root / path).read_text(encoding="utf-8")
            assert before.count(line) == 1, f"{path} does not have this line once: {line!r}"
            (self.root / path).write_text(before.replace(line, replacement), encoding="utf-8")

    def bench(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`python -m bench …` of the copy."""
        return subprocess.run(
            [sys.executable, "-m", "bench", *arguments],
            cwd=self.root,
            env=environment(PYTHONPATH=str(self.root), COLUMNS="200"),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def run(self, name: str, *arguments: str) -> dict[str, Any]:
        """The run file of a small `bench run`, which must succeed."""
        done = self.bench("run", *SMALL, "--recipes", "generated:50", *arguments, "--out", name)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads((self.root / name).read_bytes())
        return found


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A copy without tests and documents."""
    for package in PACKAGES:
        # Including compiled modules: copytree keeps the modification times that Python checks.
        shutil.copytree(ROOT / package, tmp_path / package)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    return Lab(tmp_path)
