"""Where the lab's code is, in a checkout of its repository or installed, and how users start its programs there.

The wheel puts the folders of the repository into one directory, `recipe_lab`, and adds the command `recipe-lab`
(docs/decisions/0027-wheel.md).
"""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).resolve().parent.parent
"""The directory that holds the packages and `requirements/`: a checkout, or `recipe_lab` in site-packages."""
INSTALLED = any(ROOT.parent.glob("recipe_lab-*.dist-info"))
"""Whether this is the code of a wheel, whose metadata are installed beside it."""
DISTRIBUTION = COMMAND = "recipe-lab"

PROGRAMS: Mapping[str, str] = MappingProxyType(
    {
        "bench": "bench",
        "producers": "producers",
        "consumers": "consumers",
        "certs": "producers.certificates",
        "data": "commands.fetch_wikibooks",
    }
)
"""The programs of the installed command, and the modules that they are."""


def started_as(module: str) -> str:
    """How users start this module: `python -m bench`, or `recipe-lab bench` where it is installed."""
    names = {program: name for name, program in PROGRAMS.items()}
    return f"{COMMAND} {names[module]}" if INSTALLED and module in names else f"python -m {module}"


def prepared_by(target: str) -> str:
    """How users prepare what make prepares in a checkout, such as `certs`, `data`, `fronts` or `setup-cluster`."""
    if not INSTALLED:
        return f"make {target}"
    extra = target.removeprefix("setup-")
    return f"{COMMAND} {target}" if target in PROGRAMS else f"pip install '{DISTRIBUTION}[{extra}]'"


def data_directory() -> Path:
    """Where downloaded recipes are kept: in the checkout, or where the user's programs keep data (XDG)."""
    if not INSTALLED:
        return ROOT / "data"
    # A user whom the system does not know may have no home; /.local cannot be written to then, which is said clearly.
    return Path(os.environ.get("XDG_DATA_HOME") or f"{os.environ.get('HOME', '')}/.local/share") / DISTRIBUTION


def python_path(directory: Path | str = ROOT) -> str:
    """PYTHONPATH for processes that run the code in `directory`. Behind it comes the user's, where libraries may be,
    without the lab's own root, in which another version must find nothing."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join([str(directory), *(entry for entry in given if entry and Path(entry).resolve() != ROOT)])
