"""The content of a file that a user names, bounded in size and time whatever kind of file it is. gzip is expanded."""

import gzip
import io
import os
import select
import stat
import zlib
from pathlib import Path
from time import monotonic
from typing import BinaryIO

MAXIMUM_BYTES = 1 << 27
"""Of a file, and of what a compressed one expands to: about 100,000 recipes of usual size. Each process of a run holds
all of them."""
PIPE_SECONDS = 120.0
"""Within this time a pipe has to be written and closed."""
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20


class ContentUnusable(Exception):
    """What is wrong with a file, to be read after its name: `is a device, …`."""


def read(file: Path, *, at_most_bytes: int | None = None) -> bytes:
    """The content of `file`, expanded where it is compressed with gzip.

    Raises FileNotFoundError, and ContentUnusable for everything else that is no content of at most so many bytes,
    MAXIMUM_BYTES by default.
    """
    at_most = MAXIMUM_BYTES if at_most_bytes is None else at_most_bytes
    try:
        kind = file.stat().st_mode
        if stat.S_ISDIR(kind):
            raise ContentUnusable("is a directory")
        if stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
            raise ContentUnusable("is a device; use a file")
        if not stat.S_ISFIFO(kind):
            with file.open("rb") as opened:
                return _checked(opened.read(at_most + 1), at_most)
        content = _of_pipe(file, at_most)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ContentUnusable(f"cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise ContentUnusable(f"is not a valid file name ({error})") from None
    return _checked(content, at_most)


def read_open(opened: BinaryIO) -> bytes:
    """What an open file holds, as `read` gives it. Raises ContentUnusable."""
    return _checked(opened.read(MAXIMUM_BYTES + 1), MAXIMUM_BYTES)


def can_be_read_again(file: Path) -> bool:
    """Whether a second reader gets the same content: not from a pipe."""
    try:
        return not stat.S_ISFIFO(file.stat().st_mode)
    except (OSError, ValueError):
        return True


def _checked(content: bytes, at_most: int) -> bytes:
    _check_size(content, at_most, "has")
    return _expanded(content, at_most) if content.startswith(_GZIP_MAGIC) else content


def _check_size(content: bytes, at_most: int, verb: str) -> None:
    if len(content) > at_most:
        most = f"{at_most:,} bytes" if at_most % (1 << 20) else f"{at_most >> 20} MiB"
        raise ContentUnusable(f"{verb} more than {most}; use a part of it")


def _of_pipe(file: Path, at_most: int) -> bytes:
    """What is written into a pipe until it is closed."""
    # Without O_NONBLOCK, opening a named pipe waits for a writer without end.
    pipe = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return _until_closed(pipe, at_most, may_open_later=not _has_no_name(pipe))
    finally:
        os.close(pipe)


def _until_closed(pipe: int, at_most: int, *, may_open_later: bool) -> bytes:
    """`may_open_later`: whether an end without any content means that nobody has opened it for writing yet."""
    ends = monotonic() + PIPE_SECONDS
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    content = bytearray()
    while len(content) <= at_most:
        try:
            chunk = os.read(pipe, _CHUNK)
            waits = not chunk and not content and may_open_later
        except BlockingIOError:
            chunk, waits = b"", True
        if not chunk and not waits:
            break
        content += chunk
        left_s = ends - monotonic()
        if left_s <= 0 or (waits and not poll.poll(left_s * 1000)):
            raise ContentUnusable(f"is a pipe that was not closed within {PIPE_SECONDS:g} s; use a file")
        # Whoever had opened it has closed it again, so a further end is one.
        may_open_later = False
    return bytes(content)


def _has_no_name(pipe: int) -> bool:
    """Whether a pipe was made by pipe(2), as by a shell's `<(…)`. Its writers were there from the beginning."""
    try:
        return str(Path(f"/proc/self/fd/{pipe}").readlink()).startswith("pipe:")
    except OSError:
        return False


def _expanded(content: bytes, at_most: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as opened:
            expanded = opened.read(at_most + 1)
    except EOFError:
        raise ContentUnusable("ends in the middle of its gzip data") from None
    except (OSError, zlib.error) as error:
        raise ContentUnusable(f"has damaged gzip data ({error})") from None
    _check_size(expanded, at_most, "expands to")
    return expanded
