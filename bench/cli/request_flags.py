"""The flag --request-file: requests of the user's own, instead of recipes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.cli import matrix_flags
from bench.cli.matrix_flags import WHAT
from bench.cli.shared_flags import USUAL_PAGE_SIZE
from bench.request_file import BadRequestFile, RequestFile, read
from bench.workloads import OWN, Workload
from commands.errors import UsageError

REQUEST_FILE = "--request-file"
RequestFileFlag = Annotated[
    Path | None,
    typer.Option(
        REQUEST_FILE,
        metavar="FILE",
        rich_help_panel=WHAT,
        help="Requests of your own instead of recipes: URL path, GraphQL document, gRPC method (docs/own-services.md).",
    ),
]


def request_file(path: Path | None) -> RequestFile | None:
    """The request file, if there is one. Raises UsageError."""
    if path is None:
        return None
    try:
        return read(path)
    except BadRequestFile as error:
        raise UsageError(f"{REQUEST_FILE}: {error}") from None


def protocols(requests: RequestFile | None, possible: Sequence[str]) -> str:
    """The protocols that take part by default: the possible ones, or those of them that the request file has."""
    there = [name for name in possible if requests is None or name in requests.protocols]
    return ",".join(there or possible)


def check(requests: RequestFile | None, found: Mapping[str, Sequence[Any]]) -> None:
    """Refuse protocols that the request file does not have. Raises UsageError."""
    if requests is None:
        return
    if missing := [name for name in found["protocol"] if name not in requests.protocols]:
        raise UsageError(
            f"{REQUEST_FILE}: {requests.used.file} has no [{missing[0]}]; "
            f"add it, or leave {missing[0]} out with --protocol"
        )


def workloads(
    requests: RequestFile | None, names: Sequence[str], page_sizes: Sequence[str] | None, recipes: int | None
) -> list[Workload]:
    """The workload of a request file, or those of recipes as of `matrix_flags.workloads`. Raises UsageError."""
    if requests is not None:
        return [Workload(name=OWN)]
    return matrix_flags.workloads(names, page_sizes or [USUAL_PAGE_SIZE], recipes)
