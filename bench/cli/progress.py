"""Progress on stderr: a bar with figures below it on a terminal, a line every 20 seconds elsewhere, as in a log."""

import sys
from collections.abc import Callable, Iterable
from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

LINE_EVERY_S = 20.0
FIGURES_EVERY_S = 3.0
"""How often figures are computed for a terminal."""


class _Bar(RichProgress):
    """A bar, and figures below it."""

    figures = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        """What is drawn, from top to bottom."""
        yield from super().get_renderables()
        if self.figures:
            yield Text(self.figures, style="dim", no_wrap=True, overflow="ellipsis")


class Progress:
    """Shows the share done, what is being done, the time left, and figures as they come."""

    def __init__(self, seconds: float, figures: Callable[[], str] = lambda: "") -> None:
        """`seconds`: the expected duration. `figures`: what is known so far, asked for only when it is shown."""
        self.seconds = seconds
        self._figures = figures
        self._began = monotonic()
        self._last_line = self._last_figures = float("-inf")
        console = Console(stderr=True)
        self._bar = (
            _Bar(BarColumn(), TextColumn("{task.fields[left]}  {task.description}"), console=console)
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
            if now - self._last_figures >= FIGURES_EVERY_S:
                self._last_figures = now
                self._bar.figures = self._figures()
            self._bar.update(self._task, completed=share, description=text, left=left)
        elif now - self._last_line >= LINE_EVERY_S:
            self._last_line = now
            said = [text, left, *filter(None, [self._figures()])]
            print("; ".join(said), file=sys.stderr, flush=True)
