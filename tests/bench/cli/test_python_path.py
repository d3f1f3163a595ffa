"""Libraries in a directory on PYTHONPATH reach every child of the bench, behind the code that the child runs."""

import json
import os
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

from tests.support.programs import PATIENCE_S, environment

CELL = ("--protocol", "http", "--gzip", "off", "--tls", "off", "--workload", "get", "--concurrency", "1")
SIZE = ("--recipes", "generated:60", "--instances", "1", "--rounds", "2", "--slice-ms", "2")


def test_every_child_finds_libraries_on_pythonpath_and_a_version_its_own_code_first(tmp_path: Path) -> None:
    """With an interpreter that has no libraries: a producer of each version, load processes, a relay."""
    root, other, served = Path.cwd(), tmp_path / "other", tmp_path / "served"
    venv.create(tmp_path / "bare", symlinks=True)
    for package in ("commands", "producers", "protos", "recipes", "requirements"):
        shutil.copytree(package, other / package)
    with (other / "producers" / "__init__.py").open("a", encoding="utf-8") as module:
        module.write(f"\nfrom pathlib import Path\nPath({str(served)!r}).touch()\n")
    out = tmp_path / "r.json"
    done = subprocess.run(
        [
            *(tmp_path / "bare" / "bin" / "python", "-m", "bench", "run", *CELL, *SIZE),
            *("--network", "loopback,rtt=1ms", "--ab", other, "--out", out),
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environment(PYTHONPATH=os.pathsep.join([str(root), sysconfig.get_path("purelib")])),
        check=False,
    )
    # One instance proves nothing about the versions.
    assert done.returncode == 3, done.stderr
    cells = json.loads(out.read_bytes())["cells"]
    assert [(cell["version"], cell["status"]) for cell in cells] == [
        (version, "measured") for version in ("other", "current") for _ in range(2)
    ]
    assert served.exists()
