"""The files that a set-up of a load process names: sent along with it, since a worker has other files."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bench.load.messages import Setup

OF_ACCESS = ("ca", "client_certificate", "client_key")
"""The fields of Access that are files."""


def files_of(setup: Setup) -> dict[str, bytes]:
    """The content of the files that a set-up names, by their paths. Raises OSError."""
    paths = [path for name in OF_ACCESS if (path := getattr(setup.access, name)) is not None]
    if (recipes := Path(setup.recipes)).is_file():
        paths.append(recipes)
    return {str(path): path.read_bytes() for path in paths}


def with_files(setup: Setup, copies: Mapping[str, Path]) -> Setup:
    """The set-up with these copies in place of the files that it names."""
    paths: dict[str, Any] = {
        name: copies[str(path)] for name in OF_ACCESS if (path := getattr(setup.access, name)) is not None
    }
    access = dataclasses.replace(setup.access, **paths)
    return replace(setup, access=access, recipes=str(copies.get(setup.recipes, setup.recipes)))
