"""Progress on stderr: a bar on a terminal, a line every 20 seconds elsewhere."""

import sys
from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

LINE_EVERY_S = 20.0


class Progress:
    """Shows the share done, what is being done, and the time left."""

    def __init__(self, seconds: float) -> None:
        """`seconds`: the expected duration."""
        self.seconds = seconds
        self._began = monotonic()
        self._last_line = float("-inf")
        console = Console(stderr=True)
        self._bar = (
            Bar(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}"), console=console)
            if console.is_terminal
            else None
        )
        self._task = self._bar.add_task("starting", total=1.0, left="") if self._bar else None

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def update(self, share: float, text: str) -> None:
        """Show the share done, from 0 to 1, and what is being done."""
        now = monotonic()
        elapsed_s = now - self._began
        # At first the estimate of the plan is better than one from the first seconds.
        total_s = elapsed_s / share if share > 0.1 else self.seconds
        left = f"{max(0.0, total_s - elapsed_s):.0f} s left"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=share, description=text, left=left)
        elif now - self._last_line >= LINE_EVERY_S:
            self._last_line = now
            print(f"{text}; {left}", file=sys.stderr, flush=True)
