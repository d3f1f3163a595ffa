"""`python -m tests.check_version PYPROJECT CHANGELOG`: fail unless the version is the newest of the changelog."""

import re
import sys
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from commands import command_line, values
from commands.errors import ExitCode, UsageError

app = command_line.application("Compare the project's version with the changelog.")

SECTION = re.compile(r"## \[([^\]]+)\] - \d{4}-\d{2}-\d{2}")


def disagreement(pyproject: str, changelog: str) -> str | None:
    """How the version in pyproject.toml and the newest section of CHANGELOG.md disagree, or None if they agree."""
    version = tomllib.loads(pyproject).get("project", {}).get("version")
    newest = next((line for line in changelog.splitlines() if line.startswith("## ")), None)
    if newest is None:
        return "the changelog has no section `## [VERSION] - YYYY-MM-DD`"
    found = SECTION.fullmatch(newest)
    if found is None:
        return f"the newest section of the changelog is `{newest}`, not `## [VERSION] - YYYY-MM-DD`"
    if found[1] != version:
        return f"the project has the version {version}, the newest section of the changelog is {found[1]}"
    return None


@app.command()
def check(
    pyproject: Annotated[Path, typer.Argument(parser=values.readable_file, metavar="PYPROJECT")],
    changelog: Annotated[Path, typer.Argument(parser=values.readable_file, metavar="CHANGELOG")],
) -> int:
    """Fail unless the project's version is the newest one in the changelog."""
    try:
        found = disagreement(pyproject.read_text(encoding="utf-8"), changelog.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{pyproject}: {error}") from None
    if found is None:
        return ExitCode.FINE
    print(f"{pyproject}, {changelog}: {found}", file=sys.stderr)
    return ExitCode.REGRESSION


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m tests.check_version"))
