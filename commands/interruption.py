"""Ctrl-C, SIGTERM and SIGHUP end a program with one line and exit code 130, whenever they come.

Three phases: while a program is imported, a signal ends the process at once, since nothing has to be cleaned up. While
a command runs, it raises KeyboardInterrupt. While an event loop runs, it does what commands/loop_signals.py says.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from time import monotonic
from types import FrameType
from typing import Any

from commands.errors import ExitCode

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers
REPEATED_WITHIN_S = 5.0
"""A signal that follows another one this soon does not interrupt what that one has begun: cleaning up."""
REPEATED_AFTER_S = 0.01
"""How soon a signal that had no effect is sent once more."""


def end_at_once(program: str) -> None:
    """From now on, let the first signal end this process. `program`: its name in the line on stderr."""

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        with suppress(OSError):
            os.write(2, f"{program}: interrupted\n".encode())
        os._exit(ExitCode.INTERRUPTED)

    for number in handled():
        signal.signal(number, on_signal)


def ignore() -> None:
    """From now on, ignore signals: this process has been interrupted and is about to end."""
    for number in handled():
        signal.signal(number, signal.SIG_IGN)


class _Raising:
    """The handler that raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self._raised_s = float("-inf")
        self._held = 0
        self._pending = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if self._held:
            self._pending = True
        elif not self.happened:
            self._raised_s = monotonic()
            raise KeyboardInterrupt

    @property
    def happened(self) -> bool:
        """Whether it has raised just now."""
        return monotonic() - self._raised_s < REPEATED_WITHIN_S

    def repeat(self) -> None:
        """Raise now, whatever has happened before."""
        self._raised_s = float("-inf")
        signal.raise_signal(signal.SIGINT)

    def repeat_soon(self) -> None:
        """Raise once more, outside of the call that has lost the first KeyboardInterrupt."""
        self._raised_s = float("-inf")
        again = threading.Timer(REPEATED_AFTER_S, os.kill, (os.getpid(), signal.SIGINT))
        again.daemon = True
        again.start()

    def take_pending(self) -> bool:
        """Whether one is held; it is forgotten then."""
        pending, self._pending = self._pending, False
        return pending

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let signals take effect at the end of the block."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if not self._held and self.take_pending():
            self.repeat()


_raising = _Raising()


@contextmanager
def raised(program: str, *, ends: bool) -> Iterator[None]:
    """Let signals raise KeyboardInterrupt in the block. `ends`: whether this process ends after it.

    Then a later signal ends it at once, as before the block. Otherwise, signals are handled as before again.
    """
    before = handlers()
    hook = sys.unraisablehook

    def on_unraisable(found: "sys.UnraisableHookArgs") -> None:
        # Raised in a destructor or a callback of C code, it is printed with its traceback and lost.
        if issubclass(found.exc_type, KeyboardInterrupt):
            _raising.repeat_soon()
        else:
            hook(found)

    sys.unraisablehook = on_unraisable
    for number in before:
        signal.signal(number, _raising)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        if ends:
            end_at_once(program)
        else:
            for number, handler in before.items():
                signal.signal(number, handler)


def happened() -> bool:
    """Whether a signal has just raised KeyboardInterrupt, which C code may have turned into another exception."""
    return _raising.happened


def take_pending() -> bool:
    """Whether a signal has come that was held; from now on it counts as handled."""
    return _raising.take_pending()


def held() -> AbstractContextManager[None]:
    """Let signals take effect at the end of the block: for what must be written whole."""
    return _raising.held()


def handled() -> list[signal.Signals]:
    """The signals to handle: all but SIGHUP under nohup, which ignores it.

    A shell ignores SIGINT for what runs in the background. It is handled there all the same, so that `kill -INT` works.
    """
    return [each for each in STOP_SIGNALS if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN]


def handlers() -> dict[signal.Signals, Handler]:
    """How these signals are handled now."""
    return {number: signal.getsignal(number) or signal.SIG_DFL for number in handled()}
