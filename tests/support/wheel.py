"""The lab as users install it: its wheel in an environment of its own, with the libraries that the tests run with."""

import subprocess
import sys
import sysconfig
from pathlib import Path

from recipes.installation import ROOT
from tests.support.programs import PATIENCE_S


def build(directory: Path) -> Path:
    """The wheel of this checkout, in `directory`."""
    _run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(directory))
    (wheel,) = directory.glob("*.whl")
    return wheel


def install(wheel: Path, environment: Path) -> Path:
    """Install the wheel into a new environment, and return its directory of commands.

    Nothing is downloaded: the environment sees the libraries of this one.
    """
    uv = (sys.executable, "-m", "uv")
    _run(*uv, "venv", "--quiet", "--offline", "--python", sys.executable, str(environment))
    python = environment / "bin" / "python"
    _run(*uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", str(python), str(wheel))
    (site_packages(environment) / "libraries_of_the_tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return python.parent


def site_packages(environment: Path) -> Path:
    """Where an environment has its packages."""
    return Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
