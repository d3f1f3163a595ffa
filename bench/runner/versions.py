"""Another version of the producers: the code of a git commit with the libraries it requires, in a separate directory.

The working tree is not touched. Where the commit requires other libraries than those installed here, they are installed
beside it, so that the upgrade of a library can be measured like any other change.
"""

import compileall
import io
import os
import subprocess
import sys
import tarfile
import venv
from dataclasses import replace
from pathlib import Path

from bench.environment import IMPLEMENTATIONS, REQUIREMENTS
from bench.plan import Version
from recipes.installation import INSTALLED, ROOT

GIT_SECONDS = 60
INSTALL_SECONDS = 900
PACKAGES = ("bench", "commands", "consumers", "producers", "protos", "recipes")
"""The code of the lab, by the directories that it is in."""


class CannotBuild(Exception):
    """A version that cannot be built. The message names it and the reason, in one line."""


def build(version: Version, aside: Path, *, alternatives: bool = False) -> Version:
    """The version with its code: of a commit, of a directory that holds a checkout, or this lab's own as it stands.

    What is built goes into `aside`, which has to live as long as the version is in use; a directory is used as it is,
    but compiled. `alternatives`: whether implementations that require more libraries take part. Raises CannotBuild.
    """
    reference = version.reference
    if not reference:
        _compile(ROOT)
        return version
    given = Path(reference)
    if (given / "producers" / "__main__.py").is_file():
        directory = given.resolve()
    else:
        directory = aside / "code"
        directory.mkdir()
        _unpack(_archive(reference), directory)
        if not (directory / "producers" / "__main__.py").is_file():
            raise CannotBuild(f"{reference}: this version has no producers")
    _compile(directory)
    return replace(version, directory=str(directory), python=_python_for(version, directory, aside, alternatives))


def _compile(directory: Path) -> None:
    """Compile the code in this directory, where that was not done before and the directory may be written to.

    Processes that compile it while they start begin later. They also have other memory afterwards, and a request for
    GraphQL executes up to 1 % more instructions in them. Those of one version must not do that where those of another
    do not, as with PYTHONDONTWRITEBYTECODE.
    """
    for package in PACKAGES:
        compileall.compile_dir(directory / package, quiet=2)


def _archive(reference: str) -> bytes:
    if INSTALLED:
        raise CannotBuild(
            f"{reference!r} is not a directory with producers, and an installed lab has no repository in which to look "
            "for commits; give the directory of a checkout, or run `python -m bench` in one"
        )
    commit = _git(reference, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")
    if not commit:
        raise CannotBuild(f"{reference!r} is neither a commit of this repository nor a directory with producers")
    return _git(reference, "archive", "--format=tar", commit.decode().strip())


def _git(reference: str, *arguments: str) -> bytes:
    """The stdout of git; empty when git fails. Raises CannotBuild where there is no git."""
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607 - git is looked up as everywhere
            cwd=ROOT,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(f"{reference}: git cannot be run ({error})") from None
    return done.stdout if done.returncode == 0 else b""


def _unpack(archive: bytes, directory: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(directory, filter="data")


def _locked(file: Path) -> list[str]:
    """The lines of a lock file but for its comments, which say where each requirement comes from."""
    return [line for line in file.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]


def _python_for(version: Version, directory: Path, aside: Path, alternatives: bool) -> str:
    """The interpreter with the libraries that the code in `directory` requires; empty: the one that runs this."""
    reference = version.reference
    files = [REQUIREMENTS, *([IMPLEMENTATIONS] if alternatives else [])]
    required = [file for file in files if (directory / file).is_file()]
    if all(_locked(directory / file) == _locked(ROOT / file) for file in required):
        return ""
    environment = aside / "venv"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    print(f"installing the libraries of {reference}", file=sys.stderr, flush=True)
    try:
        subprocess.run(
            [*command, "--require-hashes", *(word for file in required for word in ("-r", str(directory / file)))],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=True,
            # What is on it would count as installed.
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines()
        raise CannotBuild(f"{reference}: its libraries cannot be installed: {said[-1] if said else error}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(f"{reference}: its libraries cannot be installed: {error}") from None
    return str(python)
