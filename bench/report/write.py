"""Writing a file whole or not at all."""

import os
import tempfile
from pathlib import Path

READABLE_BY_ALL = 0o644


def write_aside(path: Path, content: bytes) -> None:
    """Write beside `path`, then put the new file in its place: a reader sees all of it, or what was there before.

    Raises OSError, and leaves nothing behind then.
    """
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name[:100]}.", delete=False) as aside:
        written = Path(aside.name)
        try:
            aside.write(content)
            aside.flush()
            os.fsync(aside.fileno())
            written.chmod(READABLE_BY_ALL)
            written.replace(path)
        except BaseException:
            written.unlink(missing_ok=True)
            raise
