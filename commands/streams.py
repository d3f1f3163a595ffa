"""The standard streams of a program, whatever they are: closed, full, a closed pipe, in any encoding.

What cannot be written is dropped, and the command goes on: its result may go elsewhere, too, and its exit code counts.
"""

import errno
import io
import os
import select
import sys
from collections.abc import Callable
from typing import TextIO, cast

from commands.glyphs import HANDLER

STRICT = ("strict", "surrogateescape")
"""What Python does by default with characters that an encoding does not have. Other ways were chosen by the user."""


def open_descriptors() -> None:
    """Open those of 0, 1 and 2 that are closed, so that no other file gets their numbers.

    What is written to 1 and 2 then fails, as it should, and stdin is empty.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # gets the lowest number that is free
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it lives as long as the process


class Output(io.RawIOBase):
    """A descriptor that takes everything. After a failure, what is written is dropped."""

    def __init__(self, descriptor: int, on_failure: Callable[[OSError], None] = lambda _: None) -> None:
        super().__init__()
        self.failed = False
        """Whether something was dropped. A reader who has closed a pipe has seen enough, which is no failure."""
        self._broken = False
        self._descriptor = descriptor
        self._on_failure = on_failure

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, content: "bytes | bytearray | memoryview", /) -> int:  # type: ignore[override]
        """Write all of it, or drop it. Returns its length."""
        rest = memoryview(content).cast("B")
        size = len(rest)
        while rest and not self._broken:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            except KeyboardInterrupt:
                self._broken = True  # or it would wait for the same reader again at the end
                raise
            except OSError as error:
                self._broken = True
                if not isinstance(error, BrokenPipeError):
                    self.failed = True
                    self._on_failure(error)
        return size


def prepare(program: str) -> Output | None:
    """Make stdout and stderr such outputs. Returns stdout's.

    Streams that are no longer the process's own, as in tests, stay as they are; then None is returned. `program`: its
    name in the line that says why stdout failed.
    """

    def on_failure(error: OSError) -> None:
        reason = "it is closed" if error.errno == errno.EBADF else error.strerror or error
        print(f"{program}: standard output cannot be written: {reason}", file=sys.stderr)

    open_descriptors()
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(sys.stderr, Output(2))
    if sys.stdout is not sys.__stdout__:
        return None
    output = Output(1, on_failure)
    sys.stdout = _text(sys.stdout, output)
    return output


def _text(before: TextIO | None, output: Output) -> TextIO:
    """Text to this output, in the encoding of the stream before."""
    if isinstance(before, io.TextIOWrapper):
        before.flush()
        encoding, errors, unbuffered = before.encoding, before.errors, before.write_through
    else:
        encoding, errors, unbuffered = "utf-8", None, False
    raw = cast(io.FileIO, output)  # as far as streams need it
    return io.TextIOWrapper(
        raw if unbuffered else io.BufferedWriter(raw),
        encoding=encoding,
        errors=HANDLER if errors is None or errors in STRICT or output.fileno() == 2 else errors,
        line_buffering=output.isatty() or output.fileno() == 2,
        write_through=unbuffered,
    )
