"""The programs of fronts: where they are found, and what to install where they are missing."""

import os
import shutil
import sys
from pathlib import Path

from bench.fronts.front import Front
from bench.fronts.registry import FRONTS


def program_of(front: Front) -> str | None:
    """The path of its program: where this interpreter's packages put theirs, on PATH, or where Debian's daemons are."""
    places = (str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin")
    return shutil.which(front.program, path=os.pathsep.join(places))


def why_not_installed(front: Front) -> str | None:
    """What to install for a front, in one line; None where its program is there."""
    if program_of(front) is not None:
        return None
    return f"the program {front.program} is not installed; {FRONTS[front.name].install}"
