"""The Makefile, as the docs describe it."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_make_lists_every_target_that_the_docs_name() -> None:
    commands = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    table = [line for line in commands.splitlines() if line.startswith("| `make ")]
    named = {target for row in table for target in re.findall(r"`make ([a-z-]+)", row.split("|")[1])}
    assert {"bench", "http", "serve-grpc"} <= named
    listing = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert named <= set(re.findall(r"(?m)^  make ([a-z-]+) +\S", listing))
