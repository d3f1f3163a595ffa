"""Which code of the lab a machine has: a digest that does not depend on where it is and how it was installed."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from recipes.installation import ROOT

SENDING = ("bench/**/*.py", "consumers/*.py", "recipes/*.py", "protos/*_pb2*.py")
"""The code that sends requests, and what it depends on."""


@cache
def digest(root: Path = ROOT) -> str:
    """SHA-256 in hexadecimal over names and contents of the code that sends requests."""
    found = sha256()
    for path in sorted({path for pattern in SENDING for path in root.glob(pattern)}):
        content = path.read_bytes()
        found.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return found.hexdigest()
