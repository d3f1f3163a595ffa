"""The example of a workflow for GitHub Actions is valid YAML, with steps that do one thing and scripts for a shell."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.interop.test_scans import scanner

EXAMPLE = Path("docs/examples/instructions-gate.yml")
TO_JSON = "import json, sys, yaml; print(json.dumps(yaml.load(sys.stdin, yaml.BaseLoader)))"


def test_the_example_is_a_workflow() -> None:
    done = subprocess.run(
        [scanner("python"), "-c", TO_JSON],
        input=EXAMPLE.read_text(encoding="utf-8"),
        capture_output=True,
        text=True,
        check=True,
    )
    workflow: dict[str, Any] = json.loads(done.stdout)
    assert set(workflow) == {"name", "on", "permissions", "jobs"}
    steps = workflow["jobs"]["instructions"]["steps"]
    assert all(("uses" in step) != ("run" in step) for step in steps)
    assert set().union(*steps) <= {"name", "uses", "with", "run", "env", "if", "shell"}
    for step in steps:
        if "run" in step:
            subprocess.run(["bash", "-n"], input=step["run"], text=True, check=True)
    commands = "\n".join(step.get("run", "") for step in steps)
    assert "valgrind" in commands
    assert "bench instructions --ab" in commands
